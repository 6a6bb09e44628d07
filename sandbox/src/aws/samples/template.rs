//! Fills a template: `{{name}}` within a text, or a whole text that becomes a number.
//!
//! | placeholder | becomes |
//! | --- | --- |
//! | `{{account}}` `{{region}}` `{{partition}}` | what they say |
//! | `{{hex:N:tag}}` | N hexadecimal digits |
//! | `{{uuid:tag}}` | a UUID |
//! | `{{remote_ip:tag}}` `{{public_ip:tag}}` `{{private_ip:tag}}` | an address |
//! | `{{iso:S}}` `{{epoch:S}}` | the time S seconds ago, as a text or a number |
//! | `{{long:N}}` | a text of at least N characters |
//!
//! The same placeholder stands for the same value throughout a finding; a tag makes it another.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::aws::account::{Account, iso};

pub(super) struct Filler<'a> {
    account_id: &'a str,
    partition: &'static str,
    region: &'a str,
    now: Timestamp,
    rng: &'a mut StdRng,
    drawn: HashMap<String, String>,
}

impl<'a> Filler<'a> {
    pub(super) fn new(region: &'a str, now: Timestamp, account: &'a mut Account) -> Self {
        Self {
            account_id: &account.options.account_id,
            partition: account.partition.name(),
            region,
            now,
            rng: &mut account.rng,
            drawn: HashMap::new(),
        }
    }

    pub(super) fn fill(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(seconds) = text
                    .strip_prefix("{{epoch:")
                    .and_then(|rest| rest.strip_suffix("}}"))
                {
                    *value = json!(self.ago(seconds).as_second());
                } else if text.contains("{{") {
                    *text = self.fill_text(text);
                }
            }
            Value::Array(members) => members.iter_mut().for_each(|member| self.fill(member)),
            Value::Object(members) => members.values_mut().for_each(|member| self.fill(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn fill_text(&mut self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let Some((name, after)) = after.split_once("}}") else {
                break;
            };
            filled.push_str(&self.value(name));
            rest = after;
        }
        filled + rest
    }

    fn value(&mut self, placeholder: &str) -> String {
        if let Some(value) = self.drawn.get(placeholder) {
            return value.clone();
        }
        let value = self.draw(placeholder);
        self.drawn.insert(placeholder.to_owned(), value.clone());
        value
    }

    fn draw(&mut self, placeholder: &str) -> String {
        let (name, argument) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        match name {
            "account" => self.account_id.to_owned(),
            "region" => self.region.to_owned(),
            "partition" => self.partition.to_owned(),
            "hex" => self.hex(number(argument)),
            "uuid" => {
                let groups = [8, 4, 4, 4, 12].map(|digits| self.hex(digits));
                groups.join("-")
            }
            "remote_ip" => format!("198.51.100.{}", self.rng.random_range(1..255)),
            "public_ip" => format!("203.0.113.{}", self.rng.random_range(1..255)),
            "private_ip" => format!(
                "10.0.{}.{}",
                self.rng.random_range(0..255),
                self.rng.random_range(4..255)
            ),
            "iso" => iso(self.ago(argument)),
            "long" => long_text(number(argument)),
            // A test finds placeholders that are left.
            _ => format!("{{{{{placeholder}}}}}"),
        }
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(b"0123456789abcdef"[self.rng.random_range(0..16)]))
            .collect()
    }

    fn ago(&self, seconds: &str) -> Timestamp {
        let seconds = i64::try_from(number(seconds)).unwrap_or_default();
        self.now
            .saturating_sub(SignedDuration::from_secs(seconds))
            .unwrap_or(self.now)
    }
}

/// The number that an argument starts with, before its tag.
fn number(argument: &str) -> usize {
    let digits = argument.split(':').next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

fn long_text(characters: usize) -> String {
    const SENTENCE: &str = "The instance kept exchanging data with hosts that no other workload of this account talks to. ";
    SENTENCE.repeat(characters.div_ceil(SENTENCE.len()))
}
