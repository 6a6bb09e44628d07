//! What of a finding an incident does not take, said in one line.

use super::{super::incident::Artifact, limits};

/// Names the artifacts and the number of rows that were left out; none where nothing was.
pub(super) fn left_out(artifacts: &[Artifact], rows: &[(&str, usize)]) -> Option<String> {
    let mut parts = Vec::new();
    if !artifacts.is_empty() {
        parts.push(format!(
            "{} ({})",
            counted(artifacts.len(), "artifact"),
            named(artifacts)
        ));
    }
    for (table, rows) in rows {
        parts.push(format!("{} of {table}", counted(*rows, "row")));
    }
    (!parts.is_empty()).then(|| {
        format!(
            "Left out of this incident: {}. GuardDuty has the whole finding.",
            parts.join(", ")
        )
    })
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The first of them by kind and value.
fn named(artifacts: &[Artifact]) -> String {
    let name = |artifact: &Artifact| {
        let value = artifact.value.split_whitespace().collect::<Vec<_>>();
        let value = limits::clip(value.join(" "), limits::NAMED_TEXT);
        format!("{} {value}", artifact.kind.display_name())
    };
    let mut names: Vec<String> = artifacts.iter().take(limits::NAMED).map(name).collect();
    if artifacts.len() > limits::NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::ArtifactKind;

    fn ports(number: usize) -> Vec<Artifact> {
        let port = |port: usize| Artifact {
            kind: ArtifactKind::Port,
            value: port.to_string(),
            description: String::new(),
        };
        (1..=number).map(port).collect()
    }

    #[test]
    fn says_what_is_gone() {
        assert_eq!(left_out(&[], &[]), None);
        assert_eq!(
            left_out(&ports(2), &[("gd_action_details", 1)]).as_deref(),
            Some(
                "Left out of this incident: 2 artifacts (Port 1, Port 2), 1 row of gd_action_details. \
                 GuardDuty has the whole finding."
            )
        );
    }

    #[test]
    fn names_no_more_than_can_be_read() {
        let text = left_out(&ports(limits::NAMED), &[]).unwrap();
        assert!(text.contains("Port 20)") && !text.contains('…'), "{text}");
        let text = left_out(&ports(limits::NAMED + 1), &[]).unwrap();
        assert!(
            text.contains("21 artifacts") && text.contains("Port 20, …)"),
            "{text}"
        );
        let mut long = ports(1);
        long[0].value = "x".repeat(5000);
        assert!(left_out(&long, &[]).unwrap().len() < 200);
    }
}
