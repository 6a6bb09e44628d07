//! `$NAME` and `${NAME}` in a value stand for an environment variable.

/// A variable that a value refers to and that is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownVariable(pub(super) String);

/// Puts the variables' values in place; what they hold is not looked at again.
///
/// `$` counts only at the start of a value and before a letter or `_`, so that a pattern
/// which ends in `$` is left alone; it then takes the rest of the value as its name.
pub(super) fn resolve(
    raw: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, UnknownVariable> {
    if let Some(name) = raw.strip_prefix('$').filter(|rest| starts_name(rest)) {
        return find(name, lookup);
    }
    let mut resolved = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once("${") {
        resolved.push_str(before);
        match after.split_once('}') {
            Some((name, behind)) if is_name(name) => {
                resolved.push_str(&find(name, lookup)?);
                rest = behind;
            }
            _ => {
                resolved.push_str("${");
                rest = after;
            }
        }
    }
    resolved.push_str(rest);
    Ok(resolved)
}

fn find(name: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, UnknownVariable> {
    lookup(name).ok_or_else(|| UnknownVariable(name.to_owned()))
}

fn starts_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn is_name(text: &str) -> bool {
    starts_name(text)
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "KEY" => Some("s3cret".to_owned()),
            "A-x" => Some("dashed".to_owned()),
            "NESTED" => Some("${KEY}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_leading_dollar_takes_the_whole_value() {
        assert_eq!(resolve("$KEY", &environment), Ok("s3cret".to_owned()));
        assert_eq!(resolve("$A-x", &environment), Ok("dashed".to_owned()));
    }

    #[test]
    fn braces_count_anywhere_and_are_not_scanned_again() {
        assert_eq!(
            resolve("a${KEY}b${KEY}", &environment),
            Ok("as3cretbs3cret".to_owned())
        );
        assert_eq!(resolve("${NESTED}", &environment), Ok("${KEY}".to_owned()));
    }

    #[test]
    fn patterns_and_plain_text_are_left_alone() {
        for text in [
            "^(us|eu)-.*$",
            "a{2}${3}",
            "$",
            "$5",
            "50%",
            "x$KEY",
            "${KEY",
            "${}",
            "${a b}",
        ] {
            assert_eq!(resolve(text, &environment), Ok(text.to_owned()));
        }
    }

    #[test]
    fn an_unset_variable_is_named() {
        assert_eq!(
            resolve("$NONE", &environment),
            Err(UnknownVariable("NONE".to_owned()))
        );
        assert_eq!(
            resolve("x${NONE}", &environment),
            Err(UnknownVariable("NONE".to_owned()))
        );
    }
}
