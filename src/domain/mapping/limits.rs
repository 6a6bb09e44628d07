//! How much of a finding an incident takes.
//!
//! IBM documents no limits, so these are assumptions on the safe side: a platform that refuses an over-long text
//! refuses the whole incident. What does not fit is still in the note. Lengths are UTF-16 code units, the unit of
//! the platform's Java.

/// Length of an incident's name.
pub(super) const NAME: usize = 500;
/// Length of an incident's description.
pub(super) const DESCRIPTION: usize = 20_000;
/// Length of a property, a cell or an artifact's value.
pub(super) const TEXT: usize = 1_000;
/// Length of a note.
pub(super) const NOTE: usize = 200_000;
/// Artifacts of an incident. A finding can name thousands of addresses; the most telling kinds come first, so that
/// ports are the first to go.
pub(super) const ARTIFACTS: usize = 200;
/// Rows that a finding adds to a table: it can list any number of probes, interfaces or endpoints.
pub(super) const ROWS: usize = 50;
/// API operations of an attack sequence that one cell names.
pub(super) const OPERATIONS: usize = 20;

/// The text, or as much of it as fits, with an ellipsis in place of the rest.
pub(super) fn clip(text: String, limit: usize) -> String {
    if fits(&text, limit) {
        return text;
    }
    let mut length = 1;
    let kept = text.chars().take_while(|character| {
        length += character.len_utf16();
        length <= limit
    });
    kept.chain(['…']).collect()
}

/// Whether the text keeps to the limit.
pub(super) fn fits(text: &str, limit: usize) -> bool {
    text.encode_utf16().count() <= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_between_characters() {
        assert_eq!(clip("abc".to_owned(), 3), "abc");
        assert_eq!(clip("abcd".to_owned(), 3), "ab…");
        assert_eq!(clip("a😀b".to_owned(), 4), "a😀b", "an emoji is two units");
        assert_eq!(clip("a😀bc".to_owned(), 3), "a…");
        assert_eq!(clip("a😀bc".to_owned(), 4), "a😀…");
    }
}
