//! Every reader of an answer, for the fuzz target of `fuzz/` and the replay of its corpus.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use super::exchange::{read_json, server_message, status_error};
use super::incidents::words;
use super::wire::{field_value, items, known_incident, text};
use super::{artifacts, inspection, patch, platform, session};
use crate::domain::{KnownIncident, field};
use crate::redaction::Secrets;

/// The action that errors name.
const ACTION: &str = "GET /x";

/// What the readers made of a body.
#[derive(Debug, Default)]
pub struct Read {
    /// The incidents of it, where it is a list.
    pub incidents: Vec<KnownIncident>,
    /// What is told of it in errors.
    pub told: Vec<String>,
}

/// Reads a body as the answer of each call, and as the body of each error.
pub fn read(body: &[u8]) -> Read {
    let mut read = Read::default();
    let message = server_message(body, &Secrets::default());
    for status in [301, 400, 401, 403, 404, 409, 429, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let error = status_error(status, None, &message, ACTION);
        read.told.push(error.to_string());
    }
    match read_json(body, ACTION) {
        Ok(answer) => read_answer(&answer, &mut read),
        Err(error) => read.told.push(error.to_string()),
    }
    read
}

fn read_answer(answer: &Value, read: &mut Read) {
    match items(answer) {
        Ok(items) => {
            let incidents = items.iter().filter_map(known_incident);
            read.incidents.extend(incidents);
            for item in items {
                let _ = (
                    words(text(&item["text"])),
                    artifacts::type_name(&item["type"]),
                );
            }
        }
        Err(error) => read.told.push(error.to_string()),
    }
    if let Err(error) = session::choose_organisation(answer, "Example") {
        read.told.push(error.to_string());
    }
    inspection::collect_names(answer, &mut BTreeSet::new());
    let _ = (
        platform::traits(&answer["fields"]),
        field_value(answer, field::ARCHIVED),
    );
    let change = [patch::Change::new(field::ARCHIVED, "True")];
    let _ = patch::steps(&change, answer);
}
