use fancy_regex::{Regex, RegexBuilder};

/// Which regions are polled: a pattern with the meaning of Python's `re.search`, in any case.
#[derive(Debug, Clone)]
pub struct RegionPattern(Regex);

/// Why a region pattern is refused.
#[derive(Debug, thiserror::Error)]
pub enum RegionPatternError {
    /// There is nothing between the quotes, which would match every region.
    #[error("the pattern is empty; for every region write .*")]
    Empty,
    /// The pattern is not a regular expression.
    #[error("the pattern is not a regular expression that this program understands")]
    Syntax(#[source] Box<fancy_regex::Error>),
    /// The pattern takes too long even on the name of a region.
    #[error("the pattern takes too many steps; write it with fewer nested repetitions")]
    TooSlow,
}

/// Names that a pattern is tried on before it is accepted.
const TRIAL_REGIONS: [&str; 4] = [
    "us-gov-west-1",
    "ap-southeast-2",
    "cn-northwest-1",
    "xx-aaaaaaaaaaaaaaaaaaaaaaaa-1",
];

impl RegionPattern {
    /// Reads a pattern; quotes around it are dropped.
    pub fn parse(text: &str) -> Result<Self, RegionPatternError> {
        let pattern = text.trim().trim_matches(['\'', '"']);
        if pattern.is_empty() {
            return Err(RegionPatternError::Empty);
        }
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(true)
            .build()
            .map_err(|error| RegionPatternError::Syntax(Box::new(error)))?;
        if TRIAL_REGIONS
            .iter()
            .any(|region| regex.is_match(*region).is_err())
        {
            return Err(RegionPatternError::TooSlow);
        }
        Ok(Self(regex))
    }

    /// Whether the pattern occurs anywhere in the region's name.
    pub fn is_match(&self, region: &str) -> bool {
        // Only too many steps can fail, and `parse` has refused such patterns.
        self.0.is_match(region).unwrap_or(false)
    }

    /// The pattern as it is used, without quotes.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
