//! `POST /incidents/query`: filters joined by OR, their conditions by AND.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::catalog::field::Kind;
use super::catalog::{Catalog, Place};
use super::incident::Incident;
use super::refusal::Refusal;
use super::state::State;

/// A checked query.
pub(crate) struct Query<'a> {
    filters: Vec<Vec<Condition<'a>>>,
    sorts: Vec<(Place<'a>, bool)>,
}

struct Condition<'a> {
    place: Place<'a>,
    test: Test,
}

enum Test {
    Equals(Value),
    NotEquals(Value),
    HasValue(bool),
    Contains(String, bool),
    Compare(fn(Ordering) -> bool, f64),
    OneOf(Vec<Value>, bool),
}

impl<'a> Query<'a> {
    pub(crate) fn parse(body: &Value, catalog: &'a Catalog) -> Result<Self, Refusal> {
        let filters = list(body, "filters")?.iter().map(|filter| {
            let conditions = list(filter, "conditions")?.iter();
            conditions.map(|c| Condition::parse(c, catalog)).collect()
        });
        let sorts = list(body, "sorts")?.iter().map(|sort| {
            let descending = match sort["type"].as_str() {
                Some("desc") => true,
                Some("asc") | None => false,
                Some(other) => return Err(Refusal::bad(format!("{other} is no sort type"))),
            };
            Ok((place(&sort["field_name"], catalog)?, descending))
        });
        Ok(Self {
            filters: filters.collect::<Result<_, _>>()?,
            sorts: sorts.collect::<Result<_, _>>()?,
        })
    }

    /// The ids of the incidents that match, in the order asked for, else by id.
    pub(crate) fn run(&self, state: &State) -> Vec<u64> {
        let mut found = BTreeSet::new();
        for filter in &self.filters {
            let matches = |incident: &&Incident| filter.iter().all(|c| c.holds(incident));
            match narrowest(filter, state) {
                Some(ids) => {
                    let incidents = ids.iter().filter_map(|id| state.incidents.get(id));
                    found.extend(incidents.filter(matches).map(|incident| incident.id));
                }
                None => found.extend(state.incidents.values().filter(matches).map(|i| i.id)),
            }
        }
        if self.filters.is_empty() {
            found.extend(state.incidents.keys());
        }
        let mut found: Vec<u64> = found.into_iter().collect();
        if !self.sorts.is_empty() {
            found.sort_by(|a, b| self.order(state, *a, *b));
        }
        found
    }

    fn order(&self, state: &State, a: u64, b: u64) -> Ordering {
        for (place, descending) in &self.sorts {
            let incident = |id| state.incidents.get(&id);
            let value = |id| incident(id).map_or(&Value::Null, |i| i.get(*place));
            let order = compare(value(a), value(b));
            let order = if *descending { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        a.cmp(&b)
    }
}

/// The smallest set of incidents that an indexed condition of the filter leaves.
fn narrowest<'s>(filter: &[Condition<'_>], state: &'s State) -> Option<&'s BTreeSet<u64>> {
    static NONE: BTreeSet<u64> = BTreeSet::new();
    let indexed = filter.iter().filter_map(|condition| match condition {
        Condition {
            place: Place::Property(field),
            test: Test::Equals(Value::String(value)),
        } if field.kind == Kind::Text => {
            Some(state.index.find(&field.name, value).unwrap_or(&NONE))
        }
        _ => None,
    });
    indexed.min_by_key(|ids| ids.len())
}

impl<'a> Condition<'a> {
    fn parse(condition: &Value, catalog: &'a Catalog) -> Result<Self, Refusal> {
        let place = place(&condition["field_name"], catalog)?;
        let method = condition["method"].as_str().unwrap_or_default();
        let value = condition.get("value").unwrap_or(&Value::Null);
        let test = Test::parse(method, value, place).map_err(Refusal::bad)?;
        Ok(Self { place, test })
    }

    fn holds(&self, incident: &Incident) -> bool {
        let value = incident.get(self.place);
        match &self.test {
            Test::Equals(wanted) => value == wanted,
            Test::NotEquals(wanted) => value != wanted,
            Test::HasValue(wanted) => *wanted != is_empty(value),
            Test::Contains(part, wanted) => {
                *wanted
                    == value
                        .as_str()
                        .is_some_and(|text| text.contains(part.as_str()))
            }
            Test::Compare(accepts, limit) => {
                let order = value.as_f64().and_then(|value| value.partial_cmp(limit));
                order.is_some_and(accepts)
            }
            Test::OneOf(values, wanted) => *wanted == values.contains(value),
        }
    }
}

impl Test {
    /// Methods that are known to work with a kind of field; anything else is refused.
    fn parse(method: &str, value: &Value, place: Place<'_>) -> Result<Self, String> {
        let field = place.field();
        let number = || {
            value
                .as_f64()
                .or_else(|| field.accept(value).ok()?.as_f64())
        };
        let ordered = matches!(field.kind, Kind::Number | Kind::Date);
        let texts = matches!(field.kind, Kind::Text | Kind::TextArea);
        let chosen = matches!(field.kind, Kind::Select | Kind::MultiSelect);
        Ok(match method {
            "equals" => Test::Equals(field.accept(value)?),
            "not_equals" => Test::NotEquals(field.accept(value)?),
            "has_a_value" => Test::HasValue(true),
            "not_has_a_value" | "does_not_have_a_value" => Test::HasValue(false),
            "contains" | "not_contains" if texts => {
                let part = value
                    .as_str()
                    .ok_or("the value to look for is not a text")?;
                Test::Contains(part.to_owned(), method == "contains")
            }
            "gt" | "gte" | "lt" | "lte" if ordered => {
                let accepts: fn(Ordering) -> bool = match method {
                    "gt" => Ordering::is_gt,
                    "gte" => Ordering::is_ge,
                    "lt" => Ordering::is_lt,
                    _ => Ordering::is_le,
                };
                Test::Compare(
                    accepts,
                    number().ok_or("the value to compare with is not a number")?,
                )
            }
            "in" | "not_in" if chosen => {
                let values = value
                    .as_array()
                    .ok_or("the value of a list method is not a list")?;
                let values = values.iter().map(|value| field.accept(value));
                Test::OneOf(values.collect::<Result<_, _>>()?, method == "in")
            }
            other => {
                return Err(format!(
                    "method {other:?} is not supported for field {}",
                    field.name
                ));
            }
        })
    }
}

fn place<'a>(name: &Value, catalog: &'a Catalog) -> Result<Place<'a>, Refusal> {
    let name = name.as_str().unwrap_or_default();
    let place = catalog.queried(name);
    place.ok_or_else(|| Refusal::bad(format!("there is no field {name:?}")))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Absent values come first.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            (a.as_f64().partial_cmp(&b.as_f64())).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => b.is_null().cmp(&a.is_null()),
    }
}

/// A list of the body; absent and null are empty.
fn list<'v>(body: &'v Value, name: &str) -> Result<&'v [Value], Refusal> {
    match &body[name] {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(Refusal::bad(format!("{name} is no list"))),
    }
}
