//! Fields, data tables and artifact types in export form.

use serde_json::{Map, Value, json};

use super::definitions::{ArtifactType, Column, DataTable, FunctionInput, IncidentField};
use super::identifiers::{function_input_key, incident_field_key, uuid_of};

/// Type ids of the export format.
const INCIDENT: u32 = 0;
const DATA_TABLE: u32 = 8;
const FUNCTION: u32 = 11;
/// Each data table has a type of its own for its columns; the platform numbers them anew.
const FIRST_TABLE_TYPE: u32 = 1001;

/// A custom incident field, reached as `properties.<name>`.
pub(super) fn incident_field(field: &IncidentField) -> Value {
    let mut object = base(&incident_field_key(&field.name), &field.name, INCIDENT);
    object["prefix"] = json!("properties");
    object["text"] = json!(field.label);
    object["input_type"] = json!(field.kind.input_type());
    object["tooltip"] = json!(field.tooltip);
    object["placeholder"] = json!(field.placeholder);
    object
}

/// An input of functions; one that is not required has no such key.
pub(super) fn function_input(input: &FunctionInput) -> Value {
    let mut object = base(&function_input_key(&input.name), &input.name, FUNCTION);
    object["text"] = json!(input.name);
    object["input_type"] = json!(input.kind.input_type());
    object["tooltip"] = json!(input.tooltip);
    if input.required {
        object["required"] = json!("always");
    }
    object
}

/// What all fields of the export have in common.
fn base(export_key: &str, name: &str, type_id: u32) -> Value {
    json!({
        "id": 0,
        "name": name,
        "export_key": export_key,
        "uuid": uuid_of("fields", export_key),
        "type_id": type_id,
        "prefix": null,
        "text": name,
        "input_type": "text",
        "tooltip": "",
        "placeholder": "",
        "values": [],
        "templates": [],
        "tags": [],
        "operations": [],
        "operation_perms": {},
        "allow_default_value": false,
        "blank_option": false,
        "calculated": false,
        "changeable": true,
        "chosen": false,
        "default_chosen_by_server": false,
        "deprecated": false,
        "hide_notification": false,
        "internal": false,
        "is_tracked": false,
        "read_only": false,
        "rich_text": false,
    })
}

/// The data tables with their columns.
pub(super) fn data_tables(tables: &[DataTable]) -> Vec<Value> {
    (FIRST_TABLE_TYPE..)
        .zip(tables)
        .map(|(type_id, table)| data_table(table, type_id))
        .collect()
}

fn data_table(table: &DataTable, type_id: u32) -> Value {
    json!({
        "id": null,
        "type_id": DATA_TABLE,
        "type_name": table.name,
        "display_name": table.display_name,
        "export_key": table.name,
        "uuid": uuid_of("types", &table.name),
        "parent_types": ["incident"],
        "properties": { "can_create": false, "can_destroy": false, "for_who": [] },
        "for_actions": false,
        "for_custom_fields": false,
        "for_notifications": false,
        "for_workflows": false,
        "actions": [],
        "scripts": [],
        "tags": [],
        "fields": columns(table, type_id),
    })
}

fn columns(table: &DataTable, type_id: u32) -> Map<String, Value> {
    (0..)
        .zip(&table.columns)
        .map(|(order, column)| {
            (
                column.name.clone(),
                column_object(table, column, type_id, order),
            )
        })
        .collect()
}

fn column_object(table: &DataTable, column: &Column, type_id: u32, order: u32) -> Value {
    let export_key = format!("{}/{}", table.name, column.name);
    let mut object = base(&export_key, &column.name, type_id);
    object["text"] = json!(column.label);
    object["blank_option"] = json!(column.blank_option);
    object["order"] = json!(order);
    object["width"] = json!(column.width);
    object
}

/// A custom artifact type.
pub(super) fn artifact_type(kind: &ArtifactType) -> Value {
    json!({
        "id": 0,
        "name": kind.display_name,
        "programmatic_name": kind.name,
        "export_key": kind.name,
        "uuid": uuid_of("incident_artifact_types", &kind.name),
        "desc": kind.description,
        "enabled": true,
        "system": false,
        "file": false,
        "multi_aware": false,
        "parse_as_csv": false,
        "reg_exp": null,
        "use_for_relationships": true,
        "default_scan_option": "unsupported",
        "version": 0,
        "tags": [],
    })
}
