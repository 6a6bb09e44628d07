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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::python;

    const REGIONS: &[&str] = &[
        "us-east-1",
        "us-east-2",
        "us-west-2",
        "us-gov-west-1",
        "eu-central-1",
        "eu-north-1",
        "ap-southeast-2",
        "cn-north-1",
        "cn-northwest-1",
        "sa-east-1",
        "me-south-1",
        "il-central-1",
    ];

    const PATTERNS: &[&str] = &[
        "us",
        ".*",
        "^(us|eu)-.*$",
        "'us-east-1'",
        "\"eu\"",
        "\"'eu\"",
        "US-EAST",
        "^us-(?!gov)",
        "(?<=us-)east",
        "us-east-[12]",
        "^us-east-1$|^eu-",
        "eu-(?:central|north)-\\d",
        "^\\w{2}-\\w+-1\\Z",
        "(?P<c>us)-.*",
        "(?i)EU",
        "(us|eu)-.*-2",
        "^(?=.*west)us",
        "ap-.*|cn-.*",
        "[^u]s-",
        "(..)-.*\\1",
        "us-east-1 | eu",
        "\\bgov\\b",
        "^$",
        "(?:us|sa)-east-1",
        "a{2}",
        "us-(east|west)-(1|2)",
        "(?P<x>.)(?P=x)",
        "east|",
        ".*-north(?!west)-.*",
    ];

    const NOT_PATTERNS: &[&str] = &["(", "[a", "*", "us-east-1)", "(?P<x", "\\", "?x", "+"];

    #[test]
    fn patterns_match_as_in_python() {
        let script = r#"
import json, re, sys
patterns, regions = json.load(sys.stdin)
def matches(pattern):
    return [bool(re.search(pattern.strip("'\""), region, re.IGNORECASE)) for region in regions]
json.dump([matches(pattern) for pattern in patterns], sys.stdout)
"#;
        let theirs: Vec<Vec<bool>> = python::run(script, &(PATTERNS, REGIONS));
        assert_eq!(theirs.len(), PATTERNS.len());
        for (pattern, theirs) in PATTERNS.iter().zip(theirs) {
            let ours = RegionPattern::parse(pattern).unwrap();
            let ours: Vec<bool> = REGIONS.iter().map(|region| ours.is_match(region)).collect();
            assert_eq!(ours, theirs, "{pattern}");
        }
    }

    #[test]
    fn b6_a_pattern_that_python_refuses_is_refused_when_it_is_read() {
        let script = r"
import json, re, sys
def compiles(pattern):
    try:
        re.compile(pattern)
        return True
    except re.error:
        return False
json.dump([compiles(pattern) for pattern in json.load(sys.stdin)], sys.stdout)
";
        let theirs: Vec<bool> = python::run(script, &NOT_PATTERNS);
        for (pattern, theirs) in NOT_PATTERNS.iter().zip(theirs) {
            assert!(!theirs, "{pattern} is fine in Python");
            assert!(RegionPattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn nothing_between_quotes_is_not_every_region() {
        for text in ["", "''", "\"\"", "  "] {
            assert!(matches!(
                RegionPattern::parse(text),
                Err(RegionPatternError::Empty)
            ));
        }
    }

    #[test]
    fn a_pattern_that_takes_too_long_is_refused() {
        let parsed = RegionPattern::parse("^(?:(a+)+(?=b)|(x+)+|.)*(\\w+)*\\1$(?<!z)");
        assert!(
            matches!(parsed, Err(RegionPatternError::TooSlow)),
            "{parsed:?}"
        );
    }
}
