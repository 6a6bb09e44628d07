//! Explicit paths into a finding: where a value may stand, and where it was found.

use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Hit<'a> {
    pub(super) path: Path<'a>,
    pub(super) value: &'a Value,
}

/// Members and list places from the root of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path<'a>(Vec<Step<'a>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    Place(usize),
}

/// Every value at `pattern`, in order. A pattern is segments joined by dots: a member, several members to try in
/// turn (`A|B`), every member with an ending (`*Action`), every item of a list (`*`), or every item with a certain
/// member (`*Type=X`).
pub(super) fn find<'a>(document: &'a Value, pattern: &'static str) -> Vec<Hit<'a>> {
    let root = Hit {
        path: Path(Vec::new()),
        value: document,
    };
    pattern.split('.').fold(vec![root], |hits, segment| {
        hits.iter().flat_map(|hit| hit.follow(segment)).collect()
    })
}

impl<'a> Hit<'a> {
    fn follow(&self, segment: &'static str) -> Vec<Self> {
        match (segment.strip_prefix('*'), self.value) {
            (Some(condition), Value::Array(items)) => self.items(items, condition),
            (Some(ending), Value::Object(members)) if !ending.is_empty() => {
                self.members_ending(members, ending)
            }
            (None, Value::Object(members)) => self.members(members, segment),
            _ => Vec::new(),
        }
    }

    fn items(&self, items: &'a [Value], condition: &str) -> Vec<Self> {
        let fits = |item: &Value| match condition.split_once('=') {
            Some((member, expected)) => item.get(member).is_some_and(|value| value == expected),
            None => true,
        };
        let hits = items.iter().enumerate().filter(|(_, item)| fits(item));
        hits.map(|(place, item)| self.extended(Step::Place(place), item))
            .collect()
    }

    fn members_ending(&self, members: &'a Map<String, Value>, ending: &str) -> Vec<Self> {
        let hits = members.iter().filter(|(name, _)| name.ends_with(ending));
        hits.map(|(name, value)| self.extended(Step::Member(name), value))
            .collect()
    }

    fn members(&self, members: &'a Map<String, Value>, names: &'static str) -> Vec<Self> {
        let hits = names
            .split('|')
            .filter_map(|name| Some((name, members.get(name)?)));
        hits.map(|(name, value)| self.extended(Step::Member(name), value))
            .collect()
    }

    fn extended(&self, step: Step<'a>, value: &'a Value) -> Self {
        let mut path = self.path.clone();
        path.0.push(step);
        Hit { path, value }
    }
}

impl<'a> Path<'a> {
    /// The last member of the path, and the path of the object that has it. A value in a list keeps its whole path.
    pub(super) fn property(&self) -> (&'a str, Self) {
        let name = self.0.iter().rev().find_map(|step| match step {
            Step::Member(name) => Some(*name),
            Step::Place(_) => None,
        });
        let container = match self.0.split_last() {
            Some((Step::Member(_), before)) => Path(before.to_vec()),
            _ => self.clone(),
        };
        (name.unwrap_or_default(), container)
    }
}

/// As a Python list, the form in which SOAR's users know these paths.
impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (place, step) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            match step {
                Step::Member(name) => write!(f, "{separator}'{name}'")?,
                Step::Place(index) => write!(f, "{separator}{index}")?,
            }
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(document: &Value, pattern: &'static str) -> Vec<(String, String)> {
        find(document, pattern)
            .iter()
            .map(|hit| (hit.path.to_string(), hit.value.to_string()))
            .collect()
    }

    fn pair(path: &str, value: &str) -> (String, String) {
        (path.to_owned(), value.to_owned())
    }

    #[test]
    fn follows_members_and_lists() {
        let document = json!({"A": [{"L": {"P": 1}, "R": {"P": 2}}, {"R": {"P": 3}}, 7]});
        assert_eq!(
            found(&document, "A.*.L|R.P"),
            [
                pair("['A', 0, 'L', 'P']", "1"),
                pair("['A', 0, 'R', 'P']", "2"),
                pair("['A', 1, 'R', 'P']", "3")
            ]
        );
        assert!(found(&document, "A.L").is_empty());
        assert!(found(&document, "A.*.L.*").is_empty());
    }

    #[test]
    fn follows_members_by_their_ending() {
        let document = json!({"OneAction": {"P": 1}, "ActionType": {"P": 2}, "TwoAction": 3});
        assert_eq!(
            found(&document, "*Action.P"),
            [pair("['OneAction', 'P']", "1")]
        );
    }

    #[test]
    fn picks_the_items_of_a_certain_kind() {
        let document = json!([{"T": "X", "N": 1}, {"T": "Y", "N": 2}, {"N": 3}]);
        assert_eq!(found(&document, "*T=Y.N"), [pair("[1, 'N']", "2")]);
    }

    #[test]
    fn a_property_is_the_last_member() {
        let document = json!({"A": [{"B": 1, "C": [2]}]});
        let property = |pattern| {
            let (name, container) = find(&document, pattern)[0].path.property();
            pair(name, &container.to_string())
        };
        assert_eq!(property("A.*.B"), pair("B", "['A', 0]"));
        assert_eq!(property("A.*.C.*"), pair("C", "['A', 0, 'C', 0]"));
    }
}
