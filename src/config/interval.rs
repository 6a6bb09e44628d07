use std::time::Duration;

/// What [`parse`] accepts, for error texts.
pub(super) const FORM: &str =
    "a whole number of minutes, or a number with a unit (30s, 10m, 2h, 1d)";

const LONGEST: Duration = Duration::from_hours(36_500 * 24);

/// A plain number is minutes; `s`, `m`, `h` and `d` are units. A hundred years are the limit.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, seconds) = match text.chars().last()? {
        's' | 'S' => (&text[..text.len() - 1], 1),
        'm' | 'M' => (&text[..text.len() - 1], 60),
        'h' | 'H' => (&text[..text.len() - 1], 60 * 60),
        'd' | 'D' => (&text[..text.len() - 1], 24 * 60 * 60),
        _ => (text, 60),
    };
    let number: u64 = number.trim_end().parse().ok()?;
    let interval = Duration::from_secs(number.checked_mul(seconds)?);
    (interval <= LONGEST).then_some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_number_is_minutes() {
        assert_eq!(parse("10"), Some(Duration::from_mins(10)));
        assert_eq!(parse("0"), Some(Duration::ZERO));
    }

    #[test]
    fn units_are_seconds_minutes_hours_days() {
        assert_eq!(parse("10s"), Some(Duration::from_secs(10)));
        assert_eq!(parse("2 m"), Some(Duration::from_mins(2)));
        assert_eq!(parse("3H"), Some(Duration::from_hours(3)));
        assert_eq!(parse("1d"), Some(Duration::from_hours(24)));
    }

    #[test]
    fn negative_and_nonsense_are_refused() {
        for text in [
            "",
            " ",
            "-5",
            "7.5",
            "ten",
            "5w",
            "s",
            "1e3",
            "10 minutes",
            "99999999999999999999",
            "40000d",
            "5\u{b5}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
