//! Scripts, run for real.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    ArtifactEffect, AutomationError, FieldKind, NoteEffect, NoteFormat, RowEffect, ScriptContext,
    ScriptEffects, ScriptRunner, run_script,
};

fn context(results: Option<Value>) -> ScriptContext {
    let text_columns = |columns: &[&str]| {
        columns
            .iter()
            .map(|column| ((*column).to_owned(), FieldKind::Text))
            .collect()
    };
    ScriptContext {
        incident: json!({
            "id": 2095, "name": "AWS GuardDuty: Title", "plan_status": "A", "severity_code": "Low",
            "properties": {"aws_guardduty_region": "eu-west-1", "aws_guardduty_count": null},
        }),
        inputs: vec!["aws_gd_region".to_owned(), "incident_id".to_owned()],
        results,
        fields: BTreeMap::from([
            ("severity_code".to_owned(), FieldKind::Select),
            (
                "properties.aws_guardduty_region".to_owned(),
                FieldKind::Text,
            ),
            ("properties.aws_guardduty_count".to_owned(), FieldKind::Text),
            (
                "properties.aws_guardduty_trigger_refresh".to_owned(),
                FieldKind::Boolean,
            ),
        ]),
        tables: BTreeMap::from([(
            "gd_finding_overview".to_owned(),
            text_columns(&["query_execution_date", "severity"]),
        )]),
        artifact_types: BTreeSet::from(["IP Address".to_owned(), "AWS S3 Bucket Name".to_owned()]),
        ..ScriptContext::default()
    }
}

fn run(script: &str) -> Result<ScriptEffects, AutomationError> {
    run_script(script, &context(None))
}

fn message(script: &str) -> (Option<usize>, String) {
    match run(script) {
        Err(AutomationError::Script { line, message }) => (line, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pre_process_script_sets_inputs() {
    let effects = run(
        "inputs.aws_gd_region = incident.properties.aws_guardduty_region\ninputs.incident_id = incident.id\n",
    );

    let inputs = json!({"aws_gd_region": "eu-west-1", "incident_id": 2095});
    assert_eq!(Value::from(effects.expect("effects").inputs), inputs);
}

/// The whole of what a refresh does: fields, rows from nested results, artifacts, a note.
const REFRESH: &str = r#"
content = results.content
if not content:
    incident.addNote("nothing")
else:
    finding = content["finding"]
    incident.severity_code = content.payload.severity_code
    incident.properties.aws_guardduty_count = str(finding.get("Service", {}).get("Count"))
    for table, rows in content.data_tables.items():
        for cells in rows:
            row = incident.addRow(table)
            row.query_execution_date = content.timestamp
            for column in cells:
                row[column] = cells[column]
    for artifact in content.payload.get("artifacts") or []:
        incident.addArtifact(artifact.type.name, artifact["value"], artifact.description)
    incident.addNote(helper.createRichText(u"<b>{0}</b> é".format(len(finding))))
    log.info("done: %s" % ("missing" in content))
"#;

fn refresh_results() -> Value {
    json!({"success": true, "content": {
        "timestamp": "2024-01-02 03:04:05",
        "finding": {"Severity": 8, "Service": {"Count": 4}},
        "payload": {"severity_code": "High", "artifacts": [
            {"type": {"name": "IP Address"}, "value": "198.51.100.0", "description": "remote"},
            {"type": {"name": "AWS S3 Bucket Name"}, "value": "bucket", "description": null},
        ]},
        "data_tables": {"gd_finding_overview": [{"severity": "8"}, {"severity": null}]},
    }})
}

#[test]
fn a_post_process_script_works_on_nested_results() {
    let effects = run_script(REFRESH, &context(Some(refresh_results()))).expect("effects");

    let row = |severity: Value| RowEffect {
        table: "gd_finding_overview".to_owned(),
        cells: [
            (
                "query_execution_date".to_owned(),
                json!("2024-01-02 03:04:05"),
            ),
            ("severity".to_owned(), severity),
        ]
        .into_iter()
        .collect(),
    };
    let artifact = |artifact_type: &str, value: &str, description: Option<&str>| ArtifactEffect {
        artifact_type: artifact_type.to_owned(),
        value: value.to_owned(),
        description: description.map(str::to_owned),
    };
    let expected = ScriptEffects {
        fields: vec![
            ("severity_code".to_owned(), json!("High")),
            ("properties.aws_guardduty_count".to_owned(), json!("4")),
        ],
        rows: vec![row(json!("8")), row(Value::Null)],
        artifacts: vec![
            artifact("IP Address", "198.51.100.0", Some("remote")),
            artifact("AWS S3 Bucket Name", "bucket", None),
        ],
        notes: vec![NoteEffect {
            format: NoteFormat::Html,
            content: "<b>2</b> é".to_owned(),
        }],
        log: vec!["done: False".to_owned()],
        ..ScriptEffects::default()
    };
    assert_eq!(effects, expected);
}

#[test]
fn what_the_platform_refuses_is_an_error_with_its_line() {
    for (script, expected) in [
        (
            "inputs.aws_gd_detector = 1",
            "AttributeError: the function has no input 'aws_gd_detector'",
        ),
        (
            "incident.properties.unknown = 'x'",
            "AttributeError: incident has no field 'properties.unknown'",
        ),
        (
            "incident.properties.unknown",
            "AttributeError: incident has no field 'properties.unknown'",
        ),
        (
            "incident.colour",
            "AttributeError: incident has no field 'colour'",
        ),
        (
            "incident.id = 7",
            "AttributeError: incident field 'id' cannot be set",
        ),
        (
            "incident.properties.aws_guardduty_count = 4",
            "TypeError: incident field 'properties.aws_guardduty_count' takes text, not int",
        ),
        (
            "incident.properties.aws_guardduty_trigger_refresh = 'True'",
            "TypeError: incident field 'properties.aws_guardduty_trigger_refresh' takes boolean, not str",
        ),
        (
            "incident.addRow('gd_nothing')",
            "AttributeError: there is no data table 'gd_nothing'",
        ),
        (
            "incident.addRow('gd_finding_overview').colour = 'x'",
            "AttributeError: table gd_finding_overview has no column 'colour'",
        ),
        (
            "incident.addRow('gd_finding_overview')['severity'] = 8.0",
            "TypeError: column 'severity' of table gd_finding_overview takes text, not float",
        ),
        (
            "incident.addArtifact('Colour', 'red', '')",
            "AttributeError: there is no artifact type 'Colour'",
        ),
        (
            "incident.addArtifact('IP Address', '', '')",
            "ValueError: the value of an artifact must not be empty",
        ),
        (
            "incident.addNote(None)",
            "TypeError: a note must be text, not NoneType",
        ),
        (
            "incident.addNote(' ')",
            "ValueError: a note must not be empty",
        ),
        (
            "print('x')",
            "NameError: scripts have no print; use log.info",
        ),
        (
            "results.content",
            "NameError: name 'results' is not defined",
        ),
        (
            "rule.properties.x",
            "AttributeError: rule has no property 'x'",
        ),
    ] {
        assert_eq!(
            message(&format!("a = 1\n\n{script}\nb = 2")),
            (Some(3), expected.to_owned()),
            "{script}"
        );
    }
}

#[test]
fn the_line_is_the_scripts_own() {
    assert_eq!(message("def f():\n  return 1 / 0\n\nf()").0, Some(2));
    let (line, text) = message("a = 1\nif a:\nb = 2");
    assert_eq!(line, Some(3));
    assert!(text.starts_with("SyntaxError: "), "{text}");
}

#[test]
fn results_are_records_all_the_way_down() {
    let script = "
assert results.a.b[0].c == 1 and results['a']['b'][0]['c'] == 1
assert results.get('none') is None and results.get('none', 3) == 3
assert 'a' in results and len(results) == 2 and list(results) == ['a', 'n']
assert isinstance(results.a, dict) and [k for k, v in results.a.items()] == ['b']
assert results.a.values()[0][0].c == 1 and results.n is None
for item in results.a.b:
    assert item.c == 1
";
    run_script(
        script,
        &context(Some(json!({"a": {"b": [{"c": 1}]}, "n": null}))),
    )
    .expect("effects");
    for script in [
        "results.missing",
        "results['missing']",
        "results.a = 1",
        "results['a'] = 1",
    ] {
        run_script(script, &context(Some(json!({"a": 1})))).expect_err(script);
    }
    run_script("assert results is None", &context(Some(Value::Null))).expect("effects");
}

#[test]
fn one_script_leaves_nothing_for_the_next() {
    run("leaked = 1\nincident.properties.aws_guardduty_count = '5'\nhelper.extra = 1")
        .expect("effects");

    assert_eq!(
        message("leaked").1,
        "NameError: name 'leaked' is not defined"
    );
    assert_eq!(
        run("assert incident.properties.aws_guardduty_count is None")
            .expect("effects")
            .fields,
        Vec::new()
    );
}

#[tokio::test]
async fn a_runner_runs_scripts_on_its_own_threads() {
    let runner = ScriptRunner::start(2).expect("threads");

    let (one, two) = tokio::join!(
        runner.run(REFRESH, context(Some(refresh_results()))),
        runner.run("incident.colour", context(None)),
    );

    assert_eq!(one.expect("effects").rows.len(), 2);
    assert!(
        matches!(two, Err(AutomationError::Script { line: Some(1), .. })),
        "{two:?}"
    );
}
