//! `--since`: from when on.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::parse_interval;

const FORM: &str =
    "write so long ago (90d, 2w, 12h, 30m), a date (2026-08-01) or a time (2026-08-01T06:00:00Z)";

/// The time that is meant; a date is its begin in UTC, as GuardDuty's own times are.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    at(text.trim(), Timestamp::now())
}

fn at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let since = ago(text, now)
        .or_else(|| text.parse().ok())
        .or_else(|| begin_of(text))
        .ok_or(FORM)?;
    if since > now {
        return Err(format!("it is in the future; {FORM}"));
    }
    Ok(since)
}

/// A number alone is no length of time here: nobody could tell its unit.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let ago = match text.strip_suffix(['w', 'W']) {
        Some(weeks) => parse_interval(&format!("{weeks}d"))?.checked_mul(7)?,
        None if text.ends_with(|c: char| c.is_ascii_digit()) => return None,
        None => parse_interval(text)?,
    };
    let ago = SignedDuration::try_from(ago).ok()?;
    Some(now.checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn begin_of(text: &str) -> Option<Timestamp> {
    // Its own parser would take the date of a time without a zone.
    let date = Date::strptime("%Y-%m-%d", text).ok()?;
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-08-15T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_length_of_time_a_date_and_a_time_are_understood() {
        for (text, expected) in [
            ("90d", "2026-05-17T12:00:00Z"),
            ("2w", "2026-08-01T12:00:00Z"),
            ("12h", "2026-08-15T00:00:00Z"),
            ("30m", "2026-08-15T11:30:00Z"),
            ("2026-08-01", "2026-08-01T00:00:00Z"),
            ("2026-08-01T06:00:00Z", "2026-08-01T06:00:00Z"),
            ("2026-08-01T06:00:00+02:00", "2026-08-01T04:00:00Z"),
        ] {
            assert_eq!(
                at(text, now()).unwrap(),
                expected.parse().unwrap(),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_forms_there_are() {
        for text in [
            "",
            "90",
            "-90d",
            "w",
            "yesterday",
            "2026-13-01",
            "2026-08",
            "2026-08-01T06:00",
            "5y",
            "2027-01-01",
        ] {
            let refused = at(text, now()).unwrap_err();
            assert!(refused.contains("90d"), "{text}: {refused}");
        }
        let future = at("2027-01-01", now()).unwrap_err();
        assert!(future.contains("future"), "{future}");
    }
}
