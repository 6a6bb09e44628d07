//! What an analyst's screens call fields, tables and columns.

use serde_json::{Map, Value};

use super::Platform;
use super::catalog::Table;
use super::catalog::field::Field;

/// A field or column on a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The API name.
    pub name: String,
    /// What the screen calls it.
    pub text: String,
    /// The tooltip; may be empty.
    pub hint: String,
}

/// A data table on a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLabels {
    /// The API name.
    pub name: String,
    /// What the screen calls it.
    pub text: String,
    /// In the order of the screen.
    pub columns: Vec<Label>,
}

impl Platform {
    /// The custom fields of incidents that screens show, as they were made.
    pub fn property_labels(&self) -> Vec<Label> {
        self.read(|state| {
            let fields = state.catalog.properties.values();
            let mut shown: Vec<&Field> = fields
                .filter(|field| field.definition.get("internal") != Some(&Value::Bool(true)))
                .collect();
            shown.sort_by_key(|field| field.id);
            shown.into_iter().map(Label::of).collect()
        })
    }

    /// The data tables of incidents, as they were made.
    pub fn table_labels(&self) -> Vec<TableLabels> {
        self.read(|state| {
            let mut tables: Vec<(&String, &Table)> = state.catalog.tables.iter().collect();
            tables.sort_by_key(|(_, table)| table.id);
            let labels = tables.into_iter().map(|(name, table)| TableLabels {
                name: name.clone(),
                text: text(&table.definition, "display_name").unwrap_or_else(|| name.clone()),
                columns: table.columns.iter().map(Label::of).collect(),
            });
            labels.collect()
        })
    }

    /// The labels that a select field of incidents offers.
    pub fn choices(&self, field: &str) -> Vec<String> {
        self.read(|state| {
            let choices = state.catalog.core.get(field).map(|field| &field.choices);
            let labels = choices.into_iter().flatten().map(|choice| &choice.label);
            labels.cloned().collect()
        })
    }
}

impl Label {
    fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            text: text(&field.definition, "text").unwrap_or_else(|| field.name.clone()),
            hint: text(&field.definition, "tooltip").unwrap_or_default(),
        }
    }
}

fn text(definition: &Map<String, Value>, key: &str) -> Option<String> {
    definition.get(key)?.as_str().map(str::to_owned)
}
