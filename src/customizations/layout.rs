//! Our part of the incident's tabs, merged into the ones that a customer arranged.
//!
//! An import would replace the customer's layout, so this changes the layout itself: what is missing is added, and
//! nothing else is touched, moved or renamed.

use serde_json::{Value, json};

use super::identifiers::uuid_of;

/// Under this heading of the Details tab stand the fields.
const HEADING: &str = "AWS GuardDuty Properties";
/// The tab of the data tables.
const TAB: &str = "AWS GuardDuty Details";
/// What platforms call the tab that the heading goes to, unless somebody renamed it,
const DETAILS: &str = "Details";
/// and its identity, the same on every platform.
const DETAILS_UUID: &str = "ccf4e648-5af4-4dc0-8f6a-19aff3a7eeb6";

const FIELDS: [&str; 10] = [
    "aws_guardduty_finding_id",
    "aws_guardduty_finding_arn",
    "aws_guardduty_finding_type",
    "aws_guardduty_finding_updated_at",
    "aws_guardduty_region",
    "aws_guardduty_severity",
    "aws_guardduty_resource_type",
    "aws_guardduty_detector_id",
    "aws_guardduty_count",
    "aws_guardduty_archived",
];

const TABLES: [&str; 6] = [
    "gd_finding_overview",
    "gd_action_details",
    "gd_resource_affected",
    "gd_s3_bucket_details",
    "gd_instance_details",
    "gd_access_key_details",
];

/// A layout with our part in it.
#[derive(Debug)]
pub struct MergedLayout {
    /// The whole layout, to be put in place of the one it came from.
    pub layout: Value,
    /// What was added, in words; empty where nothing was missing.
    pub added: Vec<String>,
}

/// Adds what `layout`, the incident's tabs, lacks. `platform` is an export of the platform: there layouts may name a field
/// by its uuid.
pub fn merge_layout(mut layout: Value, platform: &Value) -> MergedLayout {
    let missing_fields = missing(&FIELDS, &layout, platform, field_uuid);
    let missing_tables = missing(&TABLES, &layout, platform, table_uuid);
    let mut added = Vec::new();
    if let Some(tabs) = layout["content"].as_array_mut() {
        if !missing_fields.is_empty() {
            added.push(add_fields(tabs, &missing_fields));
        }
        if !missing_tables.is_empty() {
            let mut items = take_items(own_tab(tabs));
            items.extend(missing_tables.iter().map(|table| data_table(table)));
            own_tab(tabs)["fields"] = items.into();
            added.push(format!(
                "{} data tables on the tab {TAB}",
                missing_tables.len()
            ));
        }
    }
    MergedLayout { layout, added }
}

/// Those that stand nowhere in the layout, neither by name nor by uuid.
fn missing(
    names: &[&'static str],
    layout: &Value,
    platform: &Value,
    uuid: fn(&Value, &str) -> Option<String>,
) -> Vec<&'static str> {
    let mut shown = Vec::new();
    contents(&layout["content"], &mut shown);
    let is_shown = |name: &str| {
        let uuid = uuid(platform, name);
        shown.iter().any(|content| {
            content.strip_prefix("properties.").unwrap_or(content) == name
                || uuid.as_deref() == Some(content)
        })
    };
    names
        .iter()
        .copied()
        .filter(|name| !is_shown(name))
        .collect()
}

/// What all items show, at any depth: tabs hold sections, and sections items.
fn contents<'a>(items: &'a Value, shown: &mut Vec<&'a str>) {
    for item in items.as_array().into_iter().flatten() {
        if item["element"] != "header" && item["element"] != "html" {
            shown.extend(item["content"].as_str());
        }
        contents(&item["fields"], shown);
    }
}

fn field_uuid(platform: &Value, name: &str) -> Option<String> {
    let key = format!("incident/{name}");
    uuid_by(platform, "fields", "export_key", &key)
}

fn table_uuid(platform: &Value, name: &str) -> Option<String> {
    uuid_by(platform, "types", "type_name", name)
}

fn uuid_by(platform: &Value, list: &str, key: &str, value: &str) -> Option<String> {
    let mut objects = platform[list].as_array().into_iter().flatten();
    let found = objects.find(|object| object[key] == value)?;
    found["uuid"].as_str().map(str::to_owned)
}

/// Under our heading on the Details tab; where there is no such tab, on our own.
fn add_fields(tabs: &mut Vec<Value>, missing: &[&str]) -> String {
    let details = tabs.iter().position(is_details);
    let tab = match details {
        Some(at) => &mut tabs[at],
        None => own_tab(tabs),
    };
    let label = tab["step_label"].as_str().unwrap_or(DETAILS).to_owned();
    let mut items = take_items(tab);
    let heading = items.iter().position(is_heading);
    let at = heading.unwrap_or_else(|| {
        items.push(header());
        items.len() - 1
    });
    // What stands under a heading ends where the next one begins.
    let end = items[at + 1..]
        .iter()
        .position(|item| item["element"] == "header")
        .map_or(items.len(), |next| at + 1 + next);
    items.splice(end..end, missing.iter().map(|name| field(name)));
    tab["fields"] = items.into();
    format!(
        "{} fields under the heading {HEADING} on the tab {label}",
        missing.len()
    )
}

fn is_details(tab: &Value) -> bool {
    tab["predefined_uuid"] == DETAILS_UUID || tab["step_label"] == DETAILS
}

fn is_heading(item: &Value) -> bool {
    item["element"] == "header" && item["content"] == HEADING
}

/// Our tab, made at the end where there is none.
fn own_tab(tabs: &mut Vec<Value>) -> &mut Value {
    let uuid = uuid_of("tabs", TAB);
    let known = |tab: &Value| tab["predefined_uuid"] == uuid.as_str() || tab["step_label"] == TAB;
    let at = tabs.iter().position(known).unwrap_or_else(|| {
        tabs.push(json!({
            "step_label": TAB,
            "fields": [],
            "show_if": [],
            "element": "tab",
            "field_type": "incident",
            "predefined_uuid": uuid,
            "show_link_header": false,
        }));
        tabs.len() - 1
    });
    &mut tabs[at]
}

fn take_items(tab: &mut Value) -> Vec<Value> {
    match tab["fields"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn header() -> Value {
    item("header", HEADING, &Value::Null)
}

fn field(name: &str) -> Value {
    item("field", name, &json!("incident"))
}

fn data_table(name: &str) -> Value {
    item("datatable", name, &Value::Null)
}

fn item(element: &str, content: &str, field_type: &Value) -> Value {
    json!({
        "content": content,
        "element": element,
        "field_type": field_type,
        "show_if": null,
        "show_link_header": false,
        "step_label": null,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn layout(content: &Value) -> Value {
        json!({"id": 3, "type": 7, "name": "incident", "vendor_key": {"a": [1]}, "content": content})
    }

    fn customers() -> Value {
        layout(&json!([
            {"element": "tab", "step_label": "Einzelheiten", "predefined_uuid": DETAILS_UUID, "x": 1, "fields": [
                {"element": "header", "content": "Basic Details"},
                {"element": "section", "fields": [{"element": "field", "content": "my_field"}]},
            ]},
            {"element": "tab", "step_label": "Notes", "fields": []},
        ]))
    }

    fn platform() -> Value {
        json!({
            "fields": [{"export_key": "incident/aws_guardduty_count", "uuid": "u-count"}],
            "types": [{"type_name": "gd_finding_overview", "uuid": "u-overview"}],
        })
    }

    #[test]
    fn what_is_missing_is_added_once_and_nothing_else_changes() {
        let merged = merge_layout(customers(), &platform());
        assert_eq!(merged.added.len(), 2, "{:?}", merged.added);
        let tabs = merged.layout["content"].as_array().unwrap();
        assert_eq!(tabs.len(), 3);
        assert_eq!(tabs[2]["step_label"], TAB);
        assert_eq!(tabs[2]["fields"].as_array().unwrap().len(), TABLES.len());
        let details = tabs[0]["fields"].as_array().unwrap();
        assert_eq!(details[2]["content"], HEADING);
        assert_eq!(details.len(), 3 + FIELDS.len());

        let mut without = merged.layout.clone();
        without["content"][0]["fields"]
            .as_array_mut()
            .unwrap()
            .truncate(2);
        without["content"].as_array_mut().unwrap().truncate(2);
        assert_eq!(without, customers());

        let again = merge_layout(merged.layout.clone(), &platform());
        assert!(again.added.is_empty());
        assert_eq!(again.layout, merged.layout);
    }

    #[test]
    fn what_the_customer_placed_elsewhere_stays_there() {
        let mut theirs = customers();
        let notes = theirs["content"][1]["fields"].as_array_mut().unwrap();
        notes.push(json!({"element": "field_uuid", "content": "u-count"}));
        notes.push(json!({"element": "datatable", "content": "u-overview"}));
        notes.push(json!({"element": "field", "content": "properties.aws_guardduty_region"}));
        let merged = merge_layout(theirs, &platform());
        let text = merged.layout.to_string();
        for placed in [
            "aws_guardduty_count",
            "gd_finding_overview",
            "\"aws_guardduty_region",
        ] {
            assert!(!text.contains(placed), "{placed} was added");
        }
        assert_eq!(text.matches("aws_guardduty_").count(), FIELDS.len() - 1);
    }

    #[test]
    fn fields_join_those_under_the_heading_that_is_there() {
        let theirs = layout(
            &json!([{"element": "tab", "step_label": "Details", "fields": [
                header(), field("aws_guardduty_finding_id"),
                {"element": "header", "content": "Theirs"}, {"element": "field", "content": "my_field"},
            ]}]),
        );
        let merged = merge_layout(theirs, &Value::Null);
        let items = merged.layout["content"][0]["fields"].as_array().unwrap();
        assert_eq!(items.iter().filter(|item| is_heading(item)).count(), 1);
        assert_eq!(items[FIELDS.len()]["content"], "aws_guardduty_archived");
        assert_eq!(items[FIELDS.len() + 1]["content"], "Theirs");
        assert_eq!(items.len(), FIELDS.len() + 3);
    }

    #[test]
    fn without_a_details_tab_all_goes_to_our_own() {
        let merged = merge_layout(layout(&json!([])), &Value::Null);
        let tabs = merged.layout["content"].as_array().unwrap();
        assert_eq!(tabs.len(), 1);
        assert_eq!(
            tabs[0]["fields"].as_array().unwrap().len(),
            1 + FIELDS.len() + TABLES.len()
        );
    }
}
