//! How much of a finding an incident takes.
//!
//! Every figure is our own bound. IBM documents none, and none is known of a real platform, so they are assumptions on the
//! safe side, well below what the sandbox refuses: a platform that refuses an over-long text refuses the whole incident. What
//! does not fit is in the note, and the incident says that something is missing. Lengths are UTF-16 code units, the unit of
//! the platform's Java.

/// Length of an incident's name, in UTF-16 units.
pub(super) const NAME: usize = 500;
/// Length of an incident's description, in UTF-16 units.
pub(super) const DESCRIPTION: usize = 20_000;
/// Length of a property, a cell or an artifact's value, in UTF-16 units.
pub(super) const TEXT: usize = 1_000;
/// Length of a note, in UTF-16 units; GuardDuty's own findings have some 10,000.
pub(super) const NOTE: usize = 200_000;
/// Artifacts of an incident. A finding can name thousands of addresses; the most telling kinds come first, so that
/// ports are the first to go.
pub(super) const ARTIFACTS: usize = 200;
/// Rows that a finding adds to a table: it can list any number of probes, interfaces or endpoints.
pub(super) const ROWS: usize = 50;
/// API operations of an attack sequence that one cell names.
pub(super) const OPERATIONS: usize = 20;
/// Values left out that the description names.
pub(super) const NAMED: usize = 20;
/// Length of such a value where it is named, in UTF-16 units.
pub(super) const NAMED_TEXT: usize = 64;

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
    length(text) <= limit
}

/// Length of a text in UTF-16 units.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clips_between_characters() {
        assert_eq!(clip("abc".to_owned(), 3), "abc");
        assert_eq!(clip("abcd".to_owned(), 3), "ab…");
        assert_eq!(clip("a😀b".to_owned(), 4), "a😀b", "an emoji is two units");
        assert_eq!(clip("a😀bc".to_owned(), 3), "a…");
        assert_eq!(clip("a😀bc".to_owned(), 4), "a😀…");
    }

    proptest! {
        #[test]
        fn what_is_clipped_fits_and_is_marked(text: String, limit in 1_usize..40) {
            let clipped = clip(text.clone(), limit);
            prop_assert!(fits(&clipped, limit));
            if clipped != text {
                prop_assert!(!fits(&text, limit) && clipped.ends_with('…'));
                prop_assert!(text.starts_with(clipped.trim_end_matches('…')));
            }
        }
    }
}
