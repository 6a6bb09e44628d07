//! Java's modified UTF-8, in which `ActiveMQ` sends the body of a JMS text message.

/// Encodes text: NUL as two bytes, characters beyond the BMP as two surrogates of three bytes each.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        encode_unit(unit, &mut bytes);
    }
    bytes
}

fn encode_unit(unit: u16, bytes: &mut Vec<u8>) {
    let [high, low] = unit.to_be_bytes();
    let first_of_last_two = 0x80 | ((high & 0x0f) << 2) | (low >> 6);
    let last = 0x80 | (low & 0x3f);
    match unit {
        0x0001..=0x007f => bytes.push(low),
        0 | 0x0080..=0x07ff => bytes.extend([0xc0 | (high << 2) | (low >> 6), last]),
        0x0800.. => bytes.extend([0xe0 | (high >> 4), first_of_last_two, last]),
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn inside_the_bmp_it_is_utf8() {
        let text = "aß€\u{ffff}z";

        assert_eq!(encode(text), text.as_bytes());
    }

    #[test]
    fn nul_takes_two_bytes() {
        assert_eq!(encode("a\0"), [b'a', 0xc0, 0x80]);
    }

    #[test]
    fn an_emoji_is_two_surrogates() {
        assert_eq!(encode("🚨"), [0xed, 0xa0, 0xbd, 0xed, 0xba, 0xa8]);
    }
}
