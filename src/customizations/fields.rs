//! Fields, data tables and artifact types in export form.

use serde_json::{Map, Value, json};

use super::definitions::{ArtifactType, DataTable, Field};
use super::identifiers::{function_input_key, incident_field_key, uuid_of};

/// Type ids of the export format.
const INCIDENT: u32 = 0;
const DATA_TABLE: u32 = 8;
const FUNCTION: u32 = 11;
/// Each data table has a type of its own for its columns; the platform numbers them anew.
const FIRST_TABLE_TYPE: u32 = 1001;

/// A custom incident field, reached as `properties.<name>`.
pub(super) fn incident_field(field: &Field) -> Value {
    field_object(
        &incident_field_key(&field.name),
        INCIDENT,
        json!("properties"),
        field,
    )
}

/// An input of functions.
pub(super) fn function_input(field: &Field) -> Value {
    field_object(
        &function_input_key(&field.name),
        FUNCTION,
        Value::Null,
        field,
    )
}

fn field_object(export_key: &str, type_id: u32, prefix: Value, field: &Field) -> Value {
    let mut object = base(export_key, &field.name, type_id);
    object.insert("prefix".into(), prefix);
    object.insert(
        "text".into(),
        json!(field.label.as_ref().unwrap_or(&field.name)),
    );
    object.insert("input_type".into(), json!(field.kind.input_type()));
    object.insert("tooltip".into(), json!(field.tooltip));
    object.insert("placeholder".into(), json!(field.placeholder));
    if field.required {
        object.insert("required".into(), json!("always"));
    }
    object.insert("blank_option".into(), json!(false));
    Value::Object(object)
}

/// What all fields of the export have in common.
fn base(export_key: &str, name: &str, type_id: u32) -> Map<String, Value> {
    let common = json!({
        "id": 0,
        "name": name,
        "export_key": export_key,
        "uuid": uuid_of("fields", export_key),
        "type_id": type_id,
        "values": [],
        "templates": [],
        "tags": [],
        "operations": [],
        "operation_perms": {},
        "allow_default_value": false,
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
    });
    match common {
        Value::Object(object) => object,
        _ => Map::new(),
    }
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
    let column_object = |(order, column): (usize, &super::definitions::Column)| {
        let mut object = base(
            &format!("{}/{}", table.name, column.name),
            &column.name,
            type_id,
        );
        object.insert("prefix".into(), Value::Null);
        object.insert("text".into(), json!(column.label));
        object.insert("input_type".into(), json!("text"));
        object.insert("tooltip".into(), json!(""));
        object.insert("placeholder".into(), json!(""));
        object.insert("blank_option".into(), json!(column.blank_option));
        object.insert("order".into(), json!(order));
        object.insert("width".into(), json!(column.width));
        (column.name.clone(), Value::Object(object))
    };
    table
        .columns
        .iter()
        .enumerate()
        .map(column_object)
        .collect()
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
