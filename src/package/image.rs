//! The name under which a registry has the image.

use std::fmt::{self, Display};

use super::VERSION;
use super::app_json::NAME;

/// The image that App Host pulls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    repository: String,
    hash: Option<String>,
}

/// Why there is no such image.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageError {
    /// The repository is no name.
    #[error(
        "{0:?} is not a repository; give the part of the image's name before /{NAME}, such as \
         registry.example.com/soar"
    )]
    Repository(String),
    /// The digest is none of SHA-256.
    #[error("{0:?} is not a SHA-256 digest; give its 64 hexadecimal digits, without sha256:")]
    Hash(String),
}

/// The repository when none is named: what the machine itself has, so that no stranger's image can be pulled.
pub const REPOSITORY: &str = "localhost";

impl Default for Image {
    fn default() -> Self {
        Self {
            repository: REPOSITORY.to_owned(),
            hash: None,
        }
    }
}

impl Image {
    /// The image of this version, or the one with the SHA-256 digest `hash`.
    pub fn new(repository: &str, hash: Option<&str>) -> Result<Self, ImageError> {
        let repository = repository.to_lowercase();
        let valid = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
        let is_name = repository.chars().all(valid)
            && repository
                .split('/')
                .all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if !is_name {
            return Err(ImageError::Repository(repository));
        }
        let is_digest =
            |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        match hash {
            Some(hash) if !is_digest(hash) => Err(ImageError::Hash(hash.to_owned())),
            hash => Ok(Self {
                repository,
                hash: hash.map(str::to_lowercase),
            }),
        }
    }
}

impl Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hash {
            Some(hash) => write!(f, "{}/{NAME}@sha256:{hash}", self.repository),
            None => write!(f, "{}/{NAME}:{VERSION}", self.repository),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_in_lower_case_by_its_version() {
        let image = Image::new("Registry.Example.com:5000/SOAR", None).unwrap();
        assert_eq!(
            image.to_string(),
            format!("registry.example.com:5000/soar/fn_aws_guardduty:{VERSION}")
        );
    }

    #[test]
    fn a_digest_takes_the_place_of_the_version() {
        let image = Image::new("quay.io/soar", Some(&"A1".repeat(32))).unwrap();
        let expected = format!("quay.io/soar/fn_aws_guardduty@sha256:{}", "a1".repeat(32));
        assert_eq!(image.to_string(), expected);
    }

    #[test]
    fn what_is_no_repository_or_digest_is_refused() {
        for repository in ["", "a b", "https://quay.io/soar", "quay.io/", "/soar", "-x"] {
            let refused = Image::new(repository, None);
            assert!(
                matches!(refused, Err(ImageError::Repository(_))),
                "{repository}"
            );
        }
        for hash in [
            "",
            "abc",
            &"g".repeat(64),
            &format!("sha256:{}", "a".repeat(57)),
        ] {
            let refused = Image::new("soar", Some(hash));
            assert_eq!(refused, Err(ImageError::Hash(hash.to_owned())));
        }
    }
}
