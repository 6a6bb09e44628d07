//! A field or column: which values it takes, how they are stored and shown.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::soar::limits;

/// What a field holds, after the platform's `input_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    TextArea,
    Number,
    Boolean,
    Date,
    Select,
    MultiSelect,
    Other,
}

impl Kind {
    /// The input types that a customization may have; others exist on the platform only.
    pub(crate) fn customizable(input_type: &str) -> Option<Self> {
        Some(match input_type {
            "text" => Kind::Text,
            "textarea" => Kind::TextArea,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "datepicker" | "datetimepicker" => Kind::Date,
            "select" => Kind::Select,
            "multiselect" => Kind::MultiSelect,
            _ => return None,
        })
    }
}

/// When a field must have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Required {
    Always,
    Close,
}

/// One value of a select field.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: Value,
    pub(crate) label: String,
    pub(crate) uuid: String,
}

/// A field of incidents, functions or activities, or a column.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) kind: Kind,
    pub(crate) required: Option<Required>,
    pub(crate) read_only: bool,
    pub(crate) limit: usize,
    pub(crate) choices: Vec<Choice>,
    /// As REST shows it.
    pub(crate) definition: Map<String, Value>,
}

impl Field {
    /// Takes the place of an earlier definition: ids stay, so that stored values keep their meaning.
    pub(crate) fn succeed(mut self, earlier: Option<&Field>) -> Self {
        let Some(earlier) = earlier else { return self };
        self.id = earlier.id;
        for choice in &mut self.choices {
            if let Some(known) = earlier.choices.iter().find(|c| c.uuid == choice.uuid) {
                choice.value = known.value.clone();
            }
        }
        self
    }

    /// Turns what a caller sent into what is stored, or says why not.
    pub(crate) fn accept(&self, value: &Value) -> Result<Value, String> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        match self.kind {
            Kind::Text => self.accept_text(value.as_str().ok_or_else(|| self.wrong("a text"))?),
            Kind::TextArea => {
                let content =
                    text_content(value).ok_or_else(|| self.wrong("a text or text content"))?;
                self.accept_text(content)
            }
            Kind::Number if value.is_number() => Ok(value.clone()),
            Kind::Number => Err(self.wrong("a number")),
            Kind::Boolean if value.is_boolean() => Ok(value.clone()),
            Kind::Boolean => Err(self.wrong("a boolean")),
            Kind::Date => epoch_millis(value).ok_or_else(|| self.wrong("a date")),
            Kind::Select => self.choose(value),
            Kind::MultiSelect => {
                let items = value.as_array().ok_or_else(|| self.wrong("a list"))?;
                items.iter().map(|item| self.choose(item)).collect()
            }
            Kind::Other => Ok(value.clone()),
        }
    }

    fn accept_text(&self, text: &str) -> Result<Value, String> {
        limits::check(&self.name, text, self.limit)?;
        Ok(Value::from(text))
    }

    /// A choice by id, by `{id}`, by label or by `{name}`. Choices whose value is a text have no other name.
    fn choose(&self, value: &Value) -> Result<Value, String> {
        let value = match value {
            Value::Object(handle) => (handle.get("id")).or_else(|| handle.get("name")),
            plain => Some(plain),
        };
        let chosen = value.and_then(|value| {
            let named =
                |c: &&Choice| c.value.is_number() && Some(c.label.as_str()) == value.as_str();
            let same = |c: &&Choice| &c.value == value;
            (self.choices.iter()).find(|c| same(c) || named(c))
        });
        match (chosen, value) {
            (Some(choice), _) => Ok(choice.value.clone()),
            (None, Some(value)) => Err(format!("{value} is not a value of field {}", self.name)),
            (None, None) => Err(self.wrong("a value")),
        }
    }

    fn wrong(&self, wanted: &str) -> String {
        format!("the value of field {} is not {wanted}", self.name)
    }

    /// A stored value as it is shown: ids, or names where the caller asked for names.
    pub(crate) fn show(&self, stored: &Value, names: bool) -> Value {
        match stored {
            Value::Array(items) => items.iter().map(|item| self.show(item, names)).collect(),
            id if names && id.is_number() => {
                let choice = self.choices.iter().find(|c| &c.value == id);
                choice.map_or_else(|| id.clone(), |c| Value::from(c.label.clone()))
            }
            plain => plain.clone(),
        }
    }

    /// The definition with its values.
    pub(crate) fn dto(&self) -> Value {
        let mut dto = self.definition.clone();
        dto.insert("id".to_owned(), self.id.into());
        let values = self.choices.iter().map(|choice| {
            json!({
                "value": choice.value, "label": choice.label, "uuid": choice.uuid,
                "enabled": true, "hidden": false, "default": false, "properties": null,
            })
        });
        dto.insert("values".to_owned(), values.collect());
        Value::Object(dto)
    }
}

/// The text of a text content object or a plain text.
pub(crate) fn text_content(value: &Value) -> Option<&str> {
    match value {
        Value::Object(content) => content.get("content").and_then(Value::as_str),
        plain => plain.as_str(),
    }
}

/// Epoch milliseconds from a number or an ISO 8601 text with an offset.
fn epoch_millis(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => number.as_i64().map(Value::from),
        Value::String(text) => {
            let time: Timestamp = text.parse().ok()?;
            Some(time.as_millisecond().into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: Kind) -> Field {
        let choice = |value: Value, label: &str| Choice {
            value,
            label: label.to_owned(),
            uuid: String::new(),
        };
        Field {
            id: 1,
            name: "sample".to_owned(),
            uuid: String::new(),
            kind,
            required: None,
            read_only: false,
            limit: 8,
            choices: vec![
                choice(json!(4), "Low"),
                choice(json!(5), "Medium"),
                choice(json!("A"), "Active"),
            ],
            definition: Map::new(),
        }
    }

    #[test]
    fn a_select_takes_ids_names_and_handles() {
        let severity = field(Kind::Select);
        for sent in [
            json!(4),
            json!("Low"),
            json!({"id": 4}),
            json!({"name": "Low"}),
        ] {
            assert_eq!(severity.accept(&sent), Ok(json!(4)), "{sent}");
        }
        assert_eq!(severity.accept(&json!("A")), Ok(json!("A")));
        for wrong in [
            json!("Active"),
            json!("low"),
            json!(9),
            json!({}),
            json!([4]),
        ] {
            assert!(severity.accept(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(severity.show(&json!(4), true), json!("Low"));
        assert_eq!(severity.show(&json!(4), false), json!(4));
    }

    #[test]
    fn texts_are_strict_and_limited() {
        let text = field(Kind::Text);
        assert_eq!(text.accept(&json!("8 chars.")), Ok(json!("8 chars.")));
        assert!(text.accept(&json!("9 chars..")).is_err());
        assert!(text.accept(&json!(2.5)).is_err());
        let content = json!({"format": "text", "content": "abc"});
        assert!(text.accept(&content).is_err());
        assert_eq!(field(Kind::TextArea).accept(&content), Ok(json!("abc")));
    }

    #[test]
    fn a_date_is_epoch_millis_or_iso_text() {
        let date = field(Kind::Date);
        assert_eq!(
            date.accept(&json!(1_606_311_997_960_i64)),
            Ok(json!(1_606_311_997_960_i64))
        );
        let iso = json!("2020-11-25T13:46:37.960Z");
        assert_eq!(date.accept(&iso), Ok(json!(1_606_311_997_960_i64)));
        assert!(date.accept(&json!("yesterday")).is_err());
    }
}
