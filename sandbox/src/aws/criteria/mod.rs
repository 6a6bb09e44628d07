//! Finding criteria: what `ListFindings` and `GetFindingsStatistics` are asked for.

mod fields;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::store::Stored;

const MAX_VALUES: usize = 50;

/// The conditions that a finding must meet, all of them.
#[derive(Debug, Default)]
pub(super) struct Criteria {
    conditions: Vec<(String, Vec<Test>)>,
}

#[derive(Debug)]
enum Test {
    Equals(Vec<String>),
    NotEquals(Vec<String>),
    Compare(Comparison, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// One member of `criterion`; the short names are the older ones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Condition {
    #[serde(alias = "eq")]
    equals: Option<Vec<String>>,
    #[serde(alias = "neq")]
    not_equals: Option<Vec<String>>,
    #[serde(alias = "gt")]
    greater_than: Option<i64>,
    #[serde(alias = "gte")]
    greater_than_or_equal: Option<i64>,
    #[serde(alias = "lt")]
    less_than: Option<i64>,
    #[serde(alias = "lte")]
    less_than_or_equal: Option<i64>,
}

impl Condition {
    fn tests(self) -> Result<Vec<Test>, ApiError> {
        let lists = [self.equals.as_ref(), self.not_equals.as_ref()];
        if lists
            .into_iter()
            .flatten()
            .any(|values| values.len() > MAX_VALUES)
        {
            return Err(ApiError::out_of_range());
        }
        let compare =
            |comparison, value: Option<i64>| value.map(|value| Test::Compare(comparison, value));
        let tests = [
            self.equals.map(Test::Equals),
            self.not_equals.map(Test::NotEquals),
            compare(Comparison::Greater, self.greater_than),
            compare(Comparison::GreaterOrEqual, self.greater_than_or_equal),
            compare(Comparison::Less, self.less_than),
            compare(Comparison::LessOrEqual, self.less_than_or_equal),
        ];
        Ok(tests.into_iter().flatten().collect())
    }
}

impl Criteria {
    /// Reads the `criterion` map.
    pub(super) fn parse(criterion: Map<String, Value>) -> Result<Self, ApiError> {
        let mut conditions = Vec::with_capacity(criterion.len());
        for (field, condition) in criterion {
            if !fields::KNOWN.contains(&field.as_str()) {
                return Err(ApiError::Invalid(format!(
                    "the field '{field}' is not supported in finding criteria."
                )));
            }
            let condition: Condition = serde_json::from_value(condition).map_err(|_| {
                ApiError::Invalid(format!("the condition on '{field}' is invalid."))
            })?;
            let tests = condition.tests()?;
            if tests.iter().any(|test| matches!(test, Test::Compare(..)))
                && !fields::NUMERIC.contains(&field.as_str())
            {
                return Err(ApiError::Invalid(format!(
                    "the condition on '{field}' does not suit its type."
                )));
            }
            conditions.push((field, tests));
        }
        // Clients keep the criteria in hash maps: the same ones arrive in another order.
        conditions.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Self { conditions })
    }

    pub(super) fn admits(&self, stored: &Stored) -> bool {
        self.conditions.iter().all(|(field, tests)| {
            if field == "updatedAt" {
                return tests
                    .iter()
                    .all(|test| test.admits_update(stored.updated_ms));
            }
            let values = fields::values(&stored.finding, field);
            tests.iter().all(|test| test.admits(&values))
        })
    }

    /// Which side of the archive is asked for, when it is only one.
    pub(super) fn archived(&self) -> Option<bool> {
        let mut tests = self.tests_on("service.archived");
        tests.find_map(|test| match test {
            Test::Equals(values) if values.len() == 1 => values[0].parse().ok(),
            _ => None,
        })
    }

    /// The earliest `updatedAt`, in epoch milliseconds, that can meet the criteria.
    pub(super) fn earliest_ms(&self) -> i64 {
        let bounds = self.tests_on("updatedAt").filter_map(|test| match test {
            Test::Compare(Comparison::Greater | Comparison::GreaterOrEqual, value) => {
                Some(start_of_second(*value))
            }
            _ => None,
        });
        bounds.max().unwrap_or(i64::MIN)
    }

    /// The first `updatedAt`, in epoch milliseconds, that is too late to meet the criteria.
    pub(super) fn end_ms(&self) -> i64 {
        let bounds = self.tests_on("updatedAt").filter_map(|test| match test {
            Test::Compare(Comparison::Less, value) => Some(start_of_second(*value)),
            Test::Compare(Comparison::LessOrEqual, value) => {
                Some(start_of_second(*value).saturating_add(1000))
            }
            _ => None,
        });
        bounds.min().unwrap_or(i64::MAX)
    }

    fn tests_on<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a Test> {
        let conditions = self
            .conditions
            .iter()
            .filter(move |(name, _)| name == field);
        conditions.flat_map(|(_, tests)| tests)
    }
}

impl Test {
    fn admits(&self, values: &[&Value]) -> bool {
        match self {
            Self::Equals(wanted) => values.iter().any(|value| wanted.contains(&text(value))),
            Self::NotEquals(unwanted) => {
                !values.iter().any(|value| unwanted.contains(&text(value)))
            }
            Self::Compare(comparison, bound) => values.iter().any(|value| {
                // Bounds are severities and ports: far below where a double loses whole numbers.
                #[expect(clippy::cast_precision_loss, reason = "bounds are small")]
                let bound = *bound as f64;
                value
                    .as_f64()
                    .is_some_and(|value| comparison.holds(value, bound))
            }),
        }
    }

    /// `updatedAt` is compared at whole seconds, and "greater than" includes the second itself.
    fn admits_update(&self, updated_ms: i64) -> bool {
        match self {
            Self::Equals(wanted) => wanted.contains(&updated_ms.to_string()),
            Self::NotEquals(unwanted) => !unwanted.contains(&updated_ms.to_string()),
            Self::Compare(comparison, bound) => {
                let inclusive = match comparison {
                    Comparison::Greater => Comparison::GreaterOrEqual,
                    other => *other,
                };
                inclusive.holds(start_of_second(updated_ms), start_of_second(*bound))
            }
        }
    }
}

impl Comparison {
    fn holds<T: PartialOrd + Copy>(self, value: T, bound: T) -> bool {
        match self {
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
        }
    }
}

fn start_of_second(ms: i64) -> i64 {
    ms.saturating_sub(ms.rem_euclid(1000))
}

/// As it is compared with the texts of `equals`: `8.0` is `8`.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}
