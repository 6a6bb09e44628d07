//! `$NAME` and `${NAME}` in a value stand for an environment variable or a protected secret, `^NAME` and
//! `^{NAME}` for an entry of a store of secrets.

/// Where the value of a name is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `$`: the environment, or App Host's protected secrets.
    Environment,
    /// `^`: the keyring.
    Store,
}

/// Puts the values of names in place; what they hold is not looked at again. Where `find` answers `None`, the
/// text stays as it is.
///
/// A bare name counts only at the start of a value and takes all of it. After `$` any text is a name that begins
/// with a letter or `_`, so that a pattern which ends in `$` is left alone; after `^` the whole text must look
/// like one, as passwords may begin so.
pub(super) fn resolve<E>(
    raw: &str,
    mut find: impl FnMut(Place, &str) -> Result<Option<String>, E>,
) -> Result<String, E> {
    if let Some(name) = raw.strip_prefix('$').filter(|rest| starts_name(rest)) {
        return Ok(find(Place::Environment, name)?.unwrap_or_else(|| raw.to_owned()));
    }
    if let Some(name) = raw.strip_prefix('^').filter(|rest| is_name(rest)) {
        return Ok(find(Place::Store, name)?.unwrap_or_else(|| raw.to_owned()));
    }
    let mut resolved = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['$', '^']) {
        resolved.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = match braced(rest) {
            Some((place, name)) => find(place, name)?.map(|value| (value, name.len() + 3)),
            None => None,
        };
        // Without a value the sign, one byte long, is text like any other.
        let (text, length) = found.unwrap_or_else(|| (rest[..1].to_owned(), 1));
        resolved.push_str(&text);
        rest = &rest[length..];
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// The name in `${NAME}…` or `^{NAME}…`.
fn braced(text: &str) -> Option<(Place, &str)> {
    let (place, rest) = match text.strip_prefix("${") {
        Some(rest) => (Place::Environment, rest),
        None => (Place::Store, text.strip_prefix("^{")?),
    };
    let (name, _) = rest.split_once('}')?;
    is_name(name).then_some((place, name))
}

fn starts_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Names of stores hold a path.
fn is_name(text: &str) -> bool {
    starts_name(text)
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(place: Place, name: &str) -> Result<Option<String>, String> {
        let value = match (place, name) {
            (Place::Environment, "KEY") => "s3cret",
            (Place::Environment, "A-x") => "dashed",
            (Place::Environment, "NESTED") => "${KEY}^{entry}",
            (Place::Store, "entry") => "kept",
            (Place::Store, "engine.path/to.key") => "vaulted",
            (Place::Store, "nowhere") => return Ok(None),
            _ => return Err(name.to_owned()),
        };
        Ok(Some(value.to_owned()))
    }

    fn resolved(text: &str) -> Result<String, String> {
        resolve(text, values)
    }

    #[test]
    fn a_bare_name_takes_the_whole_value() {
        assert_eq!(resolved("$KEY"), Ok("s3cret".to_owned()));
        assert_eq!(resolved("$A-x"), Ok("dashed".to_owned()));
        assert_eq!(resolved("^entry"), Ok("kept".to_owned()));
        assert_eq!(resolved("^engine.path/to.key"), Ok("vaulted".to_owned()));
    }

    #[test]
    fn braces_count_anywhere_and_are_not_scanned_again() {
        assert_eq!(
            resolved("a${KEY}b${KEY}^{entry}\u{e9}"),
            Ok("as3cretbs3cretkept\u{e9}".to_owned())
        );
        assert_eq!(resolved("${NESTED}"), Ok("${KEY}^{entry}".to_owned()));
    }

    #[test]
    fn what_stays_without_a_value_stays_as_it_is() {
        assert_eq!(resolved("^nowhere"), Ok("^nowhere".to_owned()));
        assert_eq!(
            resolved("^{nowhere}${KEY}"),
            Ok("^{nowhere}s3cret".to_owned())
        );
    }

    #[test]
    fn patterns_and_plain_text_are_left_alone() {
        for text in [
            "^(us|eu)-.*$",
            "a{2}${3}",
            "$",
            "^",
            "$5",
            "50%",
            "x$KEY",
            "x^entry",
            "^entry!",
            "${KEY",
            "^{entry",
            "${}",
            "${a b}",
            "\u{e9}$\u{e9}",
        ] {
            assert_eq!(resolved(text), Ok(text.to_owned()));
        }
    }

    #[test]
    fn an_unknown_name_is_told() {
        for text in ["$NONE", "x${NONE}", "^NONE", "x^{NONE}"] {
            assert_eq!(resolved(text), Err("NONE".to_owned()), "{text}");
        }
    }
}
