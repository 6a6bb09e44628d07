//! Numbers as Python reads them: with blanks around, a sign, and underscores between digits.

use std::str::FromStr;

/// A whole number as Python's `int()` reads it.
pub(super) fn whole<T: FromStr>(text: &str) -> Option<T> {
    let text = plain(text)?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A number with or without a fraction, as Python's `float()` reads it; infinity and "not a number" are none.
pub(super) fn decimal(text: &str) -> Option<f64> {
    plain(text)?
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// Without blanks and underscores. An underscore must stand between two digits.
fn plain(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let well_placed = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)));
    well_placed.then(|| text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::python;

    #[test]
    fn numbers_read_as_in_python() {
        let texts = [
            "25",
            " 25 ",
            "+5",
            "-5",
            "1_000",
            "1__0",
            "_1",
            "1_",
            "007",
            "0_7",
            "--5",
            "+ 5",
            "+",
            "",
            "5.0",
            "1e3",
            "1_0.5",
            "1._5",
            ".5",
            "5.",
            "nan",
            "inf",
            "-Infinity",
            "0x10",
            "1e_3",
            "\u{a0}7\u{2003}",
            "1,5",
            "9e99999",
        ];
        let script = r"
import json, math, sys
def read(kind, text):
    try:
        number = kind(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
json.dump([[read(int, text), read(float, text)] for text in json.load(sys.stdin)], sys.stdout)
";
        let theirs: Vec<(Option<i64>, Option<f64>)> = python::run(script, &texts);
        let ours: Vec<_> = texts
            .iter()
            .map(|text| (whole::<i64>(text), decimal(text)))
            .collect();
        for (text, (ours, theirs)) in texts.iter().zip(ours.iter().zip(&theirs)) {
            assert_eq!(ours, theirs, "{text:?}");
        }
    }
}
