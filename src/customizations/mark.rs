//! The mark at the end of a description: which version wrote the object, and what it wrote.
//!
//! Functions and workflows are the only objects that change from version to version and have a text of ours that
//! survives an import. `[fn-aws-guardduty 2.1.0 0f3c52d1]` ends theirs: an older program sees by it that it must not
//! overwrite, and the digest, which workflows have, tells whether somebody has edited the workflow since.

use uuid::Uuid;

use super::identifiers::NAMESPACE;

const PROGRAM: &str = "[fn-aws-guardduty ";
/// Hexadecimal digits of a digest; it tells an edit, and need not withstand an enemy.
const DIGITS: usize = 8;

/// A version as numbers, so that 2.10 is after 2.9.
pub(super) type Version = Vec<u64>;

/// What a mark says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) version: String,
    pub(super) digest: Option<String>,
}

impl Mark {
    /// The mark that this program writes.
    pub(super) fn own(digest: Option<String>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            digest,
        }
    }

    /// The mark of a description, when it has one.
    pub(super) fn of(description: &str) -> Option<Self> {
        let (_, mark) = description.rsplit_once(PROGRAM)?;
        let mut words = mark.split(']').next()?.split_whitespace();
        let version = words.next()?.to_owned();
        numbers(&version)?;
        Some(Self {
            version,
            digest: words.next().map(str::to_owned),
        })
    }

    /// Whether a newer program than this one wrote the object.
    pub(super) fn is_newer(&self) -> bool {
        numbers(&self.version) > numbers(env!("CARGO_PKG_VERSION"))
    }

    /// Whether an older program than this one wrote the object.
    pub(super) fn is_older(&self) -> bool {
        numbers(&self.version) < numbers(env!("CARGO_PKG_VERSION"))
    }

    /// The description with the mark at its end.
    pub(super) fn on(&self, description: &str) -> String {
        let digest = self.digest.as_deref().map(|digest| format!(" {digest}"));
        let (version, digest) = (&self.version, digest.unwrap_or_default());
        format!("{description} {PROGRAM}{version}{digest}]")
    }
}

/// A short digest of what an object does.
pub(super) fn digest(content: &str) -> String {
    let hash = Uuid::new_v5(&NAMESPACE, content.as_bytes());
    hash.simple().to_string()[..DIGITS].to_owned()
}

/// `None` for what is no version; a suffix such as `-rc1` counts for nothing.
fn numbers(version: &str) -> Option<Version> {
    let release = version.split(['-', '+']).next()?;
    release.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let own = Mark::own(Some(digest("content")));
        let description = own.on("Archives a finding.");
        assert_eq!(Mark::of(&description), Some(own));
        let plain = Mark::own(None);
        assert_eq!(Mark::of(&plain.on("")), Some(plain));
        assert_eq!(Mark::of("Archives a finding."), None);
        assert_eq!(Mark::of("see [fn-aws-guardduty docs]"), None);
    }

    #[test]
    fn versions_are_compared_by_number() {
        let mark = |version: &str| Mark {
            version: version.to_owned(),
            digest: None,
        };
        let own = env!("CARGO_PKG_VERSION");
        assert!(!mark(own).is_newer() && !mark(own).is_older());
        assert!(mark("999.0.0").is_newer());
        assert!(mark("0.9.10").is_older());
        assert!(numbers("2.10.0") > numbers("2.9.9"));
        assert_eq!(numbers("2.1.0-rc1"), numbers("2.1.0"));
    }
}
