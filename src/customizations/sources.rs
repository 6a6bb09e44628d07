//! The definition files, embedded.

use serde::de::DeserializeOwned;

use super::definitions::{Definitions, Workflow};

/// The process of every workflow here: start, one function, end.
pub(super) const ONE_FUNCTION_BPMN: &str = include_str!("../../workflows/one_function.bpmn");

/// All definitions, in the order in which the export lists them.
pub(super) fn load() -> Definitions {
    Definitions {
        message_destination: parse(include_str!("../../export/message_destination.json")),
        incident_fields: parse(include_str!("../../export/incident_fields.json")),
        function_inputs: parse(include_str!("../../export/function_inputs.json")),
        data_tables: parse(include_str!("../../export/data_tables.json")),
        artifact_types: parse(include_str!("../../export/artifact_types.json")),
        functions: vec![
            parse(include_str!("../../functions/archive_finding.json")),
            parse(include_str!("../../functions/refresh_finding.json")),
        ],
        workflows: vec![archive_finding(), refresh_finding()],
    }
}

fn archive_finding() -> Workflow {
    Workflow {
        definition: parse(include_str!(
            "../../workflows/archive_finding/workflow.json"
        )),
        rules: parse(include_str!("../../workflows/archive_finding/rules.json")),
        pre_process: include_str!("../../workflows/archive_finding/pre_process.py"),
        post_process: include_str!("../../workflows/archive_finding/post_process.py"),
    }
}

fn refresh_finding() -> Workflow {
    Workflow {
        definition: parse(include_str!(
            "../../workflows/refresh_finding/workflow.json"
        )),
        rules: parse(include_str!("../../workflows/refresh_finding/rules.json")),
        pre_process: include_str!("../../workflows/refresh_finding/pre_process.py"),
        post_process: include_str!("../../workflows/refresh_finding/post_process.py"),
    }
}

#[expect(
    clippy::expect_used,
    reason = "the text is part of the program: a test that assembles the export proves each file well formed"
)]
fn parse<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("an embedded definition is well formed")
}
