//! Identifiers that stay the same from build to build.

use uuid::Uuid;

/// Drawn once; changing it would give every customization a new identity.
pub(super) const NAMESPACE: Uuid = Uuid::from_u128(0x6f0c_5a1e_93d7_4b52_a8c4_1d70_be92_53f6);

/// The uuid of the object with `export_key` in the list `collection` of the export.
pub(super) fn uuid_of(collection: &str, export_key: &str) -> String {
    let name = format!("{collection} {export_key}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

/// The export key of a custom incident field.
pub(super) fn incident_field_key(name: &str) -> String {
    format!("incident/{name}")
}

/// The export key of a function input.
pub(super) fn function_input_key(name: &str) -> String {
    format!("__function/{name}")
}

/// The uuid by which functions and workflows refer to a function input.
pub(super) fn function_input_uuid(name: &str) -> String {
    uuid_of("fields", &function_input_key(name))
}

/// The uuid by which workflows refer to a function.
pub(super) fn function_uuid(name: &str) -> String {
    uuid_of("functions", name)
}
