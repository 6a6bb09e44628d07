//! Patterns for names, as a shell has them.

use std::str::FromStr;

use wildmatch::WildMatch;

/// A pattern in which `*` stands for any text and `?` for any character, in any case.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    pattern: WildMatch,
}

/// There is nothing in it, which would match no name.
#[derive(Debug, thiserror::Error)]
#[error("the pattern is empty; for every name write *")]
pub struct EmptyGlob;

impl FromStr for Glob {
    type Err = EmptyGlob;

    fn from_str(text: &str) -> Result<Self, EmptyGlob> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmptyGlob);
        }
        Ok(Self {
            text: text.to_owned(),
            pattern: WildMatch::new_case_insensitive(text),
        })
    }
}

impl Glob {
    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole name is as the pattern says.
    pub fn is_match(&self, name: &str) -> bool {
        self.pattern.matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_character() {
        for (pattern, name, expected) in [
            ("us-east-1", "us-east-1", true),
            ("us-east-1", "us-east-10", false),
            ("US-East-1", "us-east-1", true),
            ("us-*", "us-east-1", true),
            ("us-*", "eu-us-1", false),
            ("*-1", "us-east-1", true),
            ("*-1", "us-east-1-2", false),
            ("*east*", "us-east-1", true),
            ("*", "", true),
            ("u?-east-?", "us-east-1", true),
            ("us-east-?", "us-east-", false),
            ("*a*b", "xaxbab", true),
            ("*a*b", "xaxba", false),
            (
                "UnauthorizedAccess:EC2/*",
                "UnauthorizedAccess:EC2/SSHBruteForce",
                true,
            ),
            (
                "UnauthorizedAccess:EC2/*",
                "UnauthorizedAccess:IAMUser/ConsoleLogin",
                false,
            ),
            ("*:EC2/*!DNS", "Backdoor:EC2/C&CActivity.B!DNS", true),
        ] {
            let glob: Glob = pattern.parse().unwrap();
            assert_eq!(glob.is_match(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let glob: Glob = "*a".repeat(200).parse().unwrap();
        assert!(!glob.is_match(&format!("{}b", "a".repeat(5000))));
    }

    #[test]
    fn nothing_is_no_pattern() {
        assert!(" ".parse::<Glob>().is_err());
    }
}
