//! Which objects of two export documents are the same ones: those of the same name.

use serde_json::Value;

use super::PlanError;

/// A list of the export, and by what its objects are known.
pub(super) struct Collection {
    pub(super) list: &'static str,
    key: &'static str,
}

/// In the order in which one needs the other.
pub(super) const COLLECTIONS: [Collection; 7] = [
    Collection::of("message_destinations", "programmatic_name"),
    Collection::of("fields", "export_key"),
    Collection::of("types", "type_name"),
    Collection::of("incident_artifact_types", "programmatic_name"),
    Collection::of("functions", "name"),
    Collection::of("workflows", "programmatic_name"),
    Collection::of("actions", "name"),
];

/// An object of ours, and the platform's of the same name.
pub(super) struct Pair<'a> {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) ours: &'a Value,
    pub(super) theirs: Option<&'a Value>,
}

impl Collection {
    const fn of(list: &'static str, key: &'static str) -> Self {
        Self { list, key }
    }

    /// All objects of ours with their counterparts. A platform that shows no list at all is not taken for an empty one.
    pub(super) fn pairs<'a>(
        &self,
        ours: &'a Value,
        platform: &'a Value,
    ) -> Result<Vec<Pair<'a>>, PlanError> {
        let theirs = platform[self.list]
            .as_array()
            .ok_or(PlanError::Malformed(self.list))?;
        let ours = ours[self.list].as_array().into_iter().flatten();
        // The internal field only makes the import valid; it is nobody's business.
        let ours = ours.filter(|object| object["internal"] != Value::Bool(true));
        Ok(ours.map(|ours| self.pair(ours, theirs)).collect())
    }

    fn pair<'a>(&self, ours: &'a Value, theirs: &'a [Value]) -> Pair<'a> {
        let key = ours[self.key].as_str().unwrap_or_default();
        Pair {
            kind: self.kind(key),
            name: key.rsplit('/').next().unwrap_or(key).to_owned(),
            ours,
            theirs: theirs.iter().find(|object| object[self.key] == key),
        }
    }

    fn kind(&self, key: &str) -> &'static str {
        match self.list {
            "message_destinations" => "message destination",
            "fields" if key.starts_with("__function/") => "function input",
            "fields" => "incident field",
            "types" => "data table",
            "incident_artifact_types" => "artifact type",
            "functions" => "function",
            "workflows" => "workflow",
            _ => "rule",
        }
    }

    /// The identities of the platform's objects that have a name of ours: ours first, theirs second.
    pub(super) fn identities(&self, ours: &Value, platform: &Value) -> Vec<(String, String)> {
        let ours = ours[self.list].as_array().into_iter().flatten();
        let theirs = platform[self.list].as_array();
        let theirs = theirs.map(Vec::as_slice).unwrap_or_default();
        ours.map(|ours| self.pair(ours, theirs))
            .filter_map(|pair| Some((pair.ours, pair.theirs?)))
            .flat_map(|(ours, theirs)| identities(ours, theirs))
            .collect()
    }
}

/// Of the objects themselves, and of the columns of a table.
fn identities(ours: &Value, theirs: &Value) -> Vec<(String, String)> {
    let columns = ours["fields"].as_object().into_iter().flatten();
    let columns = columns.map(|(name, column)| (column, &theirs["fields"][name]));
    std::iter::once((ours, theirs))
        .chain(columns)
        .filter_map(|(ours, theirs)| {
            let (ours, theirs) = (ours["uuid"].as_str()?, theirs["uuid"].as_str()?);
            (ours != theirs).then(|| (ours.to_owned(), theirs.to_owned()))
        })
        .collect()
}
