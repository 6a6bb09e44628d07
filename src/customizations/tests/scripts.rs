//! Scripts compile, and name only what the export defines.

use std::process::Command;

use super::{Call, field_names, list};
use crate::customizations::{export_document, sources};

#[test]
fn scripts_compile_as_python_3() {
    let folder = tempfile::tempdir().unwrap();
    for workflow in sources::load().workflows {
        for (kind, script) in [
            ("pre", workflow.pre_process),
            ("post", workflow.post_process),
        ] {
            let file = folder
                .path()
                .join(format!("{}_{kind}.py", workflow.definition.name));
            std::fs::write(&file, script).unwrap();
            let output = Command::new("python3")
                .args(["-m", "py_compile"])
                .arg(&file)
                .output()
                .expect("python3 is installed");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn scripts_arrive_in_the_export_unchanged() {
    let document = export_document();
    for (exported, source) in list(&document, "workflows")
        .iter()
        .zip(sources::load().workflows)
    {
        let call = Call::of(exported);
        assert_eq!(call.script("pre_processing_script"), source.pre_process);
        assert_eq!(call.script("post_processing_script"), source.post_process);
    }
}

#[test]
fn scripts_name_fields_and_inputs_that_exist() {
    let document = export_document();
    let fields = field_names(&document, "incident/");
    let inputs = field_names(&document, "__function/");
    for workflow in sources::load().workflows {
        let text = [workflow.pre_process, workflow.post_process].concat();
        for name in names_after(&text, "incident.properties.") {
            assert!(fields.contains(&name), "there is no field {name}");
        }
        let set = names_after(workflow.pre_process, "inputs.");
        assert!(!set.is_empty());
        assert!(set.iter().all(|name| inputs.contains(name)), "{set:?}");
    }
}

#[test]
fn pre_scripts_set_every_input_of_their_function() {
    let definitions = sources::load();
    for workflow in &definitions.workflows {
        let function = definitions.function_of(workflow).unwrap();
        assert_eq!(
            names_after(workflow.pre_process, "inputs."),
            function.inputs
        );
    }
}

#[test]
fn b20_no_script_says_another_product_or_platform() {
    for workflow in sources::load().workflows {
        let text = [workflow.pre_process, workflow.post_process].concat();
        for wrong in ["IAM Integration", "Resilient", "AWS GUARDDUTY"] {
            assert!(
                !text.contains(wrong),
                "{}: {wrong}",
                workflow.definition.name
            );
        }
    }
}

/// The identifiers that follow `marker` in a script, in order.
fn names_after<'a>(text: &'a str, marker: &str) -> Vec<&'a str> {
    text.split(marker)
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
        .collect()
}
