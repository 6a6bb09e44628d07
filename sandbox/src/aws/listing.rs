//! Pages of finding ids, in the order and from the place that the caller asks for.

use std::cmp::Ordering;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::criteria::Criteria;
use super::error::ApiError;
use super::store::{FindingStore, Position, Stored};

/// What one paging asks for, the same on every page.
pub(super) struct Listing {
    pub(super) criteria: Criteria,
    pub(super) sort: Option<Sort>,
}

#[derive(Clone, Debug)]
pub(super) struct Sort {
    /// A path as in the criteria.
    pub(super) attribute: String,
    pub(super) descending: bool,
}

/// The findings of one page, and the token of the next one.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) ids: Vec<String>,
    pub(super) next_token: Option<String>,
}

/// The last finding of a page: the next one starts behind it, wherever others have moved to by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cursor {
    key: SortKey,
    id: String,
}

impl Cursor {
    fn order(&self, other: &Self) -> Ordering {
        self.key
            .order(&other.key)
            .then_with(|| self.id.cmp(&other.id))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum SortKey {
    Millis(i64),
    Number(f64),
    Text(String),
    /// The finding does not have the attribute, or no order was asked for.
    Absent,
}

impl SortKey {
    fn of(stored: &Stored, attribute: &str) -> Self {
        if attribute == "updatedAt" {
            return Self::Millis(stored.updated_ms);
        }
        let value = attribute
            .split('.')
            .try_fold(&stored.finding, |value, name| value.get(name));
        match value {
            Some(Value::Number(number)) => Self::Number(number.as_f64().unwrap_or_default()),
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(Value::Bool(flag)) => Self::Text(flag.to_string()),
            _ => Self::Absent,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Millis(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Millis(a), Self::Millis(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// What `nextToken` holds. It serves only the paging that it was given to.
#[derive(Serialize, Deserialize)]
struct Token {
    listing: String,
    after: Cursor,
}

impl Listing {
    pub(super) fn page(
        &self,
        store: &FindingStore,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page, ApiError> {
        let after = token.map(|token| self.read_token(token)).transpose()?;
        let mut found = match &self.sort {
            None => self.unordered(store, after.as_ref(), limit + 1),
            Some(sort) if sort.attribute == "updatedAt" => {
                self.by_update(store, sort.descending, after.as_ref(), limit + 1)
            }
            Some(sort) => self.sorted(store, sort, after.as_ref()),
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let next_token = found.last().filter(|_| more).map(|last| self.token(last));
        Ok(Page {
            ids: found.into_iter().map(|cursor| cursor.id).collect(),
            next_token,
        })
    }

    /// Without sort criteria nothing is promised; the order of the ids is as good as any.
    fn unordered(&self, store: &FindingStore, after: Option<&Cursor>, count: usize) -> Vec<Cursor> {
        let start = after.map_or(Bound::Unbounded, |cursor| {
            Bound::Excluded(cursor.id.as_str())
        });
        let findings = store.by_id().range::<str, _>((start, Bound::Unbounded));
        let found = findings.filter(|(_, stored)| self.criteria.admits(stored));
        found
            .take(count)
            .map(|(id, _)| Cursor {
                key: SortKey::Absent,
                id: id.clone(),
            })
            .collect()
    }

    /// Walks the index from where the page begins: what was told before is not looked at again.
    fn by_update(
        &self,
        store: &FindingStore,
        descending: bool,
        after: Option<&Cursor>,
        count: usize,
    ) -> Vec<Cursor> {
        let from = Bound::Included((self.criteria.earliest_ms(), String::new()));
        let to = Bound::Excluded((self.criteria.end_ms(), String::new()));
        let resume = after.map(|cursor| match cursor.key {
            SortKey::Millis(ms) => Bound::Excluded((ms, cursor.id.clone())),
            _ => Bound::Unbounded,
        });
        let (from, to) = match (resume, descending) {
            (Some(resume), false) => (resume, to),
            (Some(resume), true) => (from, resume),
            (None, _) => (from, to),
        };
        if is_empty(&from, &to) {
            return Vec::new();
        }
        let index = store.by_update(self.criteria.archived()).range((from, to));
        if descending {
            self.collect(store, index.rev(), count)
        } else {
            self.collect(store, index, count)
        }
    }

    fn collect<'a>(
        &self,
        store: &FindingStore,
        positions: impl Iterator<Item = &'a Position>,
        count: usize,
    ) -> Vec<Cursor> {
        positions
            .filter(|(_, id)| {
                store
                    .stored(id)
                    .is_some_and(|stored| self.criteria.admits(stored))
            })
            .take(count)
            .map(|(ms, id)| Cursor {
                key: SortKey::Millis(*ms),
                id: id.clone(),
            })
            .collect()
    }

    fn sorted(&self, store: &FindingStore, sort: &Sort, after: Option<&Cursor>) -> Vec<Cursor> {
        let order = |a: &Cursor, b: &Cursor| {
            if sort.descending {
                b.order(a)
            } else {
                a.order(b)
            }
        };
        let findings = store
            .by_id()
            .iter()
            .filter(|(_, stored)| self.criteria.admits(stored));
        let mut found: Vec<Cursor> = findings
            .map(|(id, stored)| Cursor {
                key: SortKey::of(stored, &sort.attribute),
                id: id.clone(),
            })
            .filter(|cursor| after.is_none_or(|after| order(cursor, after) == Ordering::Greater))
            .collect();
        found.sort_by(order);
        found
    }

    fn token(&self, last: &Cursor) -> String {
        let token = Token {
            listing: self.fingerprint(),
            after: last.clone(),
        };
        // A struct of texts and numbers always has a JSON form.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }

    fn read_token(&self, token: &str) -> Result<Cursor, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let token: Option<Token> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let token = token.filter(|token| token.listing == self.fingerprint());
        let invalid =
            || ApiError::Invalid("the parameter nextToken has an invalid value.".to_owned());
        Ok(token.ok_or_else(invalid)?.after)
    }

    fn fingerprint(&self) -> String {
        let described = format!("{:?} {:?}", self.criteria, self.sort);
        URL_SAFE_NO_PAD
            .encode(&digest::digest(&digest::SHA256, described.as_bytes()).as_ref()[..12])
    }
}

/// `BTreeSet::range` panics on a range whose end lies before its start.
fn is_empty(from: &Bound<Position>, to: &Bound<Position>) -> bool {
    match (from, to) {
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Included(to) | Bound::Excluded(to),
        ) => from >= to,
        _ => false,
    }
}

/// Sorts ids by an attribute of their findings.
pub(super) fn sort_ids(store: &FindingStore, ids: &mut [String], sort: &Sort) {
    let key = |id: &str| {
        store.stored(id).map_or(SortKey::Absent, |stored| {
            SortKey::of(stored, &sort.attribute)
        })
    };
    ids.sort_by(|a, b| {
        let order = key(a).order(&key(b)).then_with(|| a.cmp(b));
        if sort.descending {
            order.reverse()
        } else {
            order
        }
    });
}
