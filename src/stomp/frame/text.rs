//! PURE: the text of a message body.

use thiserror::Error;

/// A body that is not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body is not UTF-8 text: unreadable byte at offset {offset}")]
pub struct TextError {
    /// Offset of the first byte that belongs to no character.
    pub offset: usize,
}

/// Decodes a body to text.
///
/// Besides UTF-8 it reads what `ActiveMQ` makes of a JMS text message: Java's modified UTF-8, in which a character beyond
/// the basic plane is a pair of surrogates of three bytes each (CESU-8), and NUL is `C0 80`.
pub fn decode_text(bytes: &[u8]) -> Result<String, TextError> {
    let mut text = String::with_capacity(bytes.len());
    let mut offset = 0;
    while offset < bytes.len() {
        match std::str::from_utf8(&bytes[offset..]) {
            Ok(rest) => {
                text.push_str(rest);
                break;
            }
            Err(error) => {
                let (valid, rest) = bytes[offset..].split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                offset += valid.len();
                let (character, length) = java_character(rest).ok_or(TextError { offset })?;
                text.push(character);
                offset += length;
            }
        }
    }
    Ok(text)
}

/// The character that `bytes` begins with in modified UTF-8 only, and its length in bytes.
fn java_character(bytes: &[u8]) -> Option<(char, usize)> {
    if bytes.starts_with(&[0xC0, 0x80]) {
        return Some(('\0', 2));
    }
    let high = surrogate(bytes.get(0..3)?)?;
    let low = surrogate(bytes.get(3..6)?)?;
    let character = char::decode_utf16([high, low]).next()?.ok()?;
    // A lone low surrogate followed by anything is refused by `decode_utf16`, and so is a pair in the wrong order.
    Some((character, 6))
}

fn surrogate(bytes: &[u8]) -> Option<u16> {
    match *bytes {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF] => {
            Some(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cesu8(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for character in text.chars() {
            if character == '\0' {
                bytes.extend([0xC0, 0x80]);
            } else if u32::from(character) > 0xFFFF {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let [high, low] = unit.to_be_bytes();
                    bytes.extend([
                        0xE0 | high >> 4,
                        0x80 | (high & 0x0F) << 2 | low >> 6,
                        0x80 | low & 0x3F,
                    ]);
                }
            } else {
                bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        bytes
    }

    #[test]
    fn a_surrogate_pair_becomes_its_character() {
        assert_eq!(
            decode_text(b"a \xED\xA0\xBD\xED\xBA\xA8 b").as_deref(),
            Ok("a \u{1F6A8} b")
        );
    }

    #[test]
    fn modified_nul_becomes_nul() {
        assert_eq!(decode_text(b"a\xC0\x80b").as_deref(), Ok("a\0b"));
    }

    #[test]
    fn an_unreadable_byte_is_named_by_its_offset() {
        for (bytes, offset) in [
            (&b"ab\xFFc"[..], 2),
            (b"\xED\xA0\xBD alone", 0),
            (b"x\xED\xBA\xA8\xED\xA0\xBD", 1),
            (b"\xED\xA0\xBD\xED\xBA\xA8\xED\xA0", 6),
            (b"\xC0\x81", 0),
        ] {
            assert_eq!(decode_text(bytes), Err(TextError { offset }), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_in_both_forms(text in any::<String>()) {
            prop_assert_eq!(decode_text(text.as_bytes()), Ok(text.clone()));
            prop_assert_eq!(decode_text(&cesu8(&text)), Ok(text.clone()));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Err(error) = decode_text(&bytes) {
                prop_assert!(error.offset < bytes.len());
            }
        }
    }
}
