//! What SOAR's REST interface may answer.

use fn_aws_guardduty::soar::fuzzing;

/// Any body is read or refused by every reader, and what is told of it is one line of bearable length.
pub fn check(data: &[u8]) {
    let read = fuzzing::read(data);
    for incident in &read.incidents {
        assert!(incident.region.len() + incident.detector_id.len() <= data.len());
    }
    for line in &read.told {
        assert!(
            line.chars().count() < 2000,
            "{} characters",
            line.chars().count()
        );
        assert!(
            !line.chars().any(char::is_control),
            "not one line: {line:?}"
        );
    }
}
