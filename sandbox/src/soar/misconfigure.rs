//! What can be wrong with a platform, for tests of those who look for it.

use serde_json::json;

use super::Platform;
use super::account::Permission;
use super::refusal::Refusal;

impl Platform {
    /// Leaves the worker's API key these permissions only, by name.
    ///
    /// # Panics
    /// When there is no such permission: a test that misspells one must not go on.
    pub fn set_api_key_permissions(&self, names: &[&str]) {
        let permission = |name: &&str| {
            let known = Permission::ALL.into_iter().find(|p| p.name() == *name);
            known.unwrap_or_else(|| panic!("there is no permission {name}"))
        };
        let permissions = names.iter().map(permission).collect();
        self.update(|state| state.permissions = permissions);
    }

    /// The permissions that the worker's API key has at first, by name.
    pub fn api_key_permissions() -> [&'static str; 6] {
        Permission::ALL.map(Permission::name)
    }

    /// Takes the worker's API key off every message destination.
    pub fn revoke_queues(&self) {
        self.update(|state| {
            for destination in &mut state.catalog.destinations {
                destination
                    .definition
                    .insert("api_keys".to_owned(), json!([]));
            }
        });
    }

    /// Deletes a custom incident field.
    pub fn delete_field(&self, name: &str) -> Result<(), Refusal> {
        self.delete_known("field", name, |catalog| {
            catalog.properties.remove(name).is_some()
        })
    }

    /// Deletes a data table.
    pub fn delete_table(&self, name: &str) -> Result<(), Refusal> {
        self.delete_known("data table", name, |catalog| {
            catalog.tables.remove(name).is_some()
        })
    }

    /// Deletes a column of a data table.
    pub fn delete_column(&self, table: &str, name: &str) -> Result<(), Refusal> {
        self.delete_known("column", name, |catalog| {
            let Some(table) = catalog.tables.get_mut(table) else {
                return false;
            };
            let before = table.columns.len();
            table.columns.retain(|column| column.name != name);
            table.columns.len() < before
        })
    }

    /// Deletes a function; workflows that call it fail from now on.
    pub fn delete_function(&self, name: &str) -> Result<(), Refusal> {
        self.delete_known("function", name, |catalog| {
            catalog.functions.remove(name).is_some()
        })
    }

    /// Deletes an artifact type, by its programmatic name.
    pub fn delete_artifact_type(&self, name: &str) -> Result<(), Refusal> {
        self.delete_known("artifact type", name, |catalog| {
            let before = catalog.artifact_types.len();
            let types = &mut catalog.artifact_types;
            types.retain(|kind| kind.programmatic_name != name);
            types.len() < before
        })
    }

    fn delete_known(
        &self,
        what: &str,
        name: &str,
        delete: impl FnOnce(&mut super::catalog::Catalog) -> bool,
    ) -> Result<(), Refusal> {
        self.change(|state| {
            let missing = || Refusal::missing(format!("there is no {what} {name}"));
            delete(&mut state.catalog).then_some(()).ok_or_else(missing)
        })
    }
}
