//! Which findings a cycle asks for, and how far the worker has come.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What `ListFindings` is asked: unarchived findings only, and these bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Criteria {
    /// Lowest severity, a whole number.
    pub severity_at_least: Option<u8>,
    /// Findings updated at or after this time.
    pub updated_since: Option<Timestamp>,
}

/// How far the findings of one detector are done.
///
/// Everything updated up to the watermark is done. Findings are published late, so each listing reaches
/// back before it by the overlap; the findings finished there are remembered with the update they were
/// finished at, and cost nothing when they are listed again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything updated up to here is done; `None` before the first listing.
    pub watermark: Option<Timestamp>,
    /// Where the first listing began; later ones begin there too until there is a watermark, however long that
    /// takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The severity threshold that the watermark was reached with.
    pub threshold: Option<u8>,
    /// Finding id to the `UpdatedAt` it was finished at, within the overlap.
    pub finished: BTreeMap<String, String>,
}

/// The bounds a cycle works with.
#[derive(Debug, Clone, Copy)]
pub struct WindowSettings {
    /// How far the first listing of a detector reaches back; `None`: all findings.
    pub lookback: Option<Duration>,
    /// How far every later listing reaches back before the watermark.
    pub overlap: Duration,
    /// Lowest severity; `None`: all.
    pub threshold: Option<u8>,
}

impl Cursor {
    /// What the next listing asks for, after [`Self::begin`].
    pub fn criteria(&self, settings: &WindowSettings) -> Criteria {
        let since = match self.watermark {
            Some(watermark) => Some(back(watermark, settings.overlap)),
            None => self.from,
        };
        Criteria {
            severity_at_least: settings.threshold,
            updated_since: since,
        }
    }

    /// What has certainly changed since the watermark: updated in the seconds after it, since AWS compares
    /// whole seconds. `None` before the first listing.
    pub fn changed(&self, settings: &WindowSettings) -> Option<Criteria> {
        let second = self.watermark?.as_second().checked_add(1)?;
        Some(Criteria {
            severity_at_least: settings.threshold,
            updated_since: Some(Timestamp::from_second(second).ok()?),
        })
    }

    /// A watermark reached with a higher threshold says nothing about the findings below it.
    fn usable_watermark(&self, settings: &WindowSettings) -> Option<Timestamp> {
        let covered = self.threshold.unwrap_or(0) <= settings.threshold.unwrap_or(0);
        self.watermark.filter(|_| covered)
    }

    /// Prepares the cursor for a cycle with these settings.
    pub fn begin(&mut self, settings: &WindowSettings, now: Timestamp) {
        let usable = self.usable_watermark(settings);
        let lowered = self.watermark.is_some() && usable.is_none();
        if usable.is_none() {
            // Where it began stays, unless the look-back now reaches further.
            let earlier = self.from.filter(|_| !lowered);
            let begin = settings.lookback.map(|lookback| back(now, lookback));
            self.from = begin.map(|begin| earlier.map_or(begin, |earlier| earlier.min(begin)));
        }
        self.watermark = usable;
        self.threshold = settings.threshold;
    }

    /// Whether this update of the finding is finished.
    pub fn is_finished(&self, finding_id: &str, updated_at: &str) -> bool {
        self.finished
            .get(finding_id)
            .is_some_and(|finished| finished == updated_at)
    }

    /// Forgets that a finding was finished: there is more to do about it.
    pub fn reopen(&mut self, finding_id: &str) {
        self.finished.remove(finding_id);
    }

    /// Notes a finished update of a finding.
    pub fn finish(&mut self, finding_id: &str, updated_at: &str) {
        self.finished
            .insert(finding_id.to_owned(), updated_at.to_owned());
    }

    /// Moves the watermark to `reached`, never back and never past `now`, and forgets what lies before
    /// the overlap.
    pub fn advance(&mut self, reached: Timestamp, overlap: Duration, now: Timestamp) {
        let reached = reached.min(now);
        if self.watermark.is_some_and(|watermark| watermark >= reached) {
            return;
        }
        self.watermark = Some(reached);
        let keep_from = back(reached, overlap);
        // An `UpdatedAt` that is no time is kept: forgetting it would only cost a call, not a finding.
        self.finished.retain(|_, updated| {
            updated
                .parse::<Timestamp>()
                .map_or(true, |at| at >= keep_from)
        });
    }
}

/// One second more than asked: AWS compares `updatedAt` at whole seconds.
fn back(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by)
        .unwrap_or(SignedDuration::MAX)
        .saturating_add(SignedDuration::from_secs(1));
    from.saturating_sub(by).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(text: &str) -> Timestamp {
        format!("2026-03-01T{text}Z").parse().unwrap()
    }

    fn settings(lookback: Option<Duration>, threshold: Option<u8>) -> WindowSettings {
        WindowSettings {
            lookback,
            overlap: 15 * MINUTE,
            threshold,
        }
    }

    fn cursor(watermark: &str, threshold: Option<u8>) -> Cursor {
        Cursor {
            watermark: Some(at(watermark)),
            threshold,
            ..Cursor::default()
        }
    }

    fn since(cursor: &Cursor, settings: &WindowSettings) -> Option<Timestamp> {
        let mut cursor = cursor.clone();
        cursor.begin(settings, at("12:00:00"));
        cursor.criteria(settings).updated_since
    }

    #[test]
    fn the_first_listing_takes_the_look_back_or_everything() {
        assert_eq!(since(&Cursor::default(), &settings(None, None)), None);
        assert_eq!(
            since(&Cursor::default(), &settings(Some(60 * MINUTE), None)),
            Some(at("10:59:59"))
        );
    }

    #[test]
    fn until_there_is_a_mark_the_look_back_stays_where_it_began() {
        let settings = settings(Some(60 * MINUTE), None);
        let mut cursor = Cursor::default();
        cursor.begin(&settings, at("12:00:00"));
        cursor.begin(&settings, at("13:30:00"));
        assert_eq!(
            cursor.criteria(&settings).updated_since,
            Some(at("10:59:59"))
        );
        let further = WindowSettings {
            lookback: Some(180 * MINUTE),
            ..settings
        };
        cursor.begin(&further, at("13:30:00"));
        let since = cursor.criteria(&further).updated_since;
        assert_eq!(
            since,
            Some(at("10:29:59")),
            "a longer look-back reaches further"
        );
        let everything = WindowSettings {
            lookback: None,
            ..settings
        };
        cursor.begin(&everything, at("13:30:00"));
        assert_eq!(cursor.criteria(&everything).updated_since, None);
    }

    #[test]
    fn b9_a_stored_mark_beats_a_shorter_look_back() {
        let cursor = cursor("03:00:00", None);
        assert_eq!(
            since(&cursor, &settings(Some(60 * MINUTE), None)),
            Some(at("02:44:59"))
        );
    }

    #[test]
    fn a_lower_threshold_starts_from_the_look_back() {
        let strict = cursor("11:00:00", Some(7));
        assert_eq!(since(&strict, &settings(None, Some(4))), None);
        assert_eq!(since(&strict, &settings(None, None)), None);
        assert_eq!(
            since(&strict, &settings(None, Some(7))),
            Some(at("10:44:59"))
        );
        let all = cursor("11:00:00", None);
        assert_eq!(since(&all, &settings(None, Some(7))), Some(at("10:44:59")));
    }

    #[test]
    fn what_changed_begins_in_the_second_after_the_mark() {
        let mut cursor = cursor("11:00:00.250", None);
        let since = cursor.changed(&settings(None, None)).unwrap().updated_since;
        assert_eq!(since, Some(at("11:00:01")));
        cursor.watermark = None;
        assert_eq!(cursor.changed(&settings(None, None)), None);
    }

    #[test]
    fn the_mark_never_goes_back_nor_past_now() {
        let mut cursor = cursor("11:00:00", None);
        cursor.advance(at("10:00:00"), 15 * MINUTE, at("12:00:00"));
        assert_eq!(cursor.watermark, Some(at("11:00:00")));
        cursor.advance(at("13:00:00"), 15 * MINUTE, at("12:00:00"));
        assert_eq!(cursor.watermark, Some(at("12:00:00")));
    }

    #[test]
    fn finished_pairs_live_as_long_as_the_overlap() {
        let mut cursor = Cursor::default();
        cursor.finish("old", "2026-03-01T10:00:00.000Z");
        cursor.finish("new", "2026-03-01T11:50:00.000Z");
        cursor.advance(at("11:55:00"), 15 * MINUTE, at("12:00:00"));
        assert!(!cursor.is_finished("old", "2026-03-01T10:00:00.000Z"));
        assert!(cursor.is_finished("new", "2026-03-01T11:50:00.000Z"));
        assert!(!cursor.is_finished("new", "2026-03-01T11:51:00.000Z"));
    }
}
