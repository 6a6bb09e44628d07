//! The artifacts an incident already has.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::call::Call;
use super::wire::items;
use super::{Soar, SoarError};
use crate::domain::Artifact;

/// Artifacts a call, where they come in pages.
const PAGE: usize = 500;
/// Artifacts of one incident that are read at most: a platform that always has more would never be done.
const MOST: usize = 100_000;

/// Artifacts of an incident, to tell a new one from a known one.
#[derive(Debug, Default)]
pub struct KnownArtifacts(Vec<(String, String)>);

impl KnownArtifacts {
    /// Whether the incident has this artifact: same type, by its API or its display name, and same value.
    pub fn contains(&self, artifact: &Artifact) -> bool {
        let names = [artifact.kind.api_name(), artifact.kind.display_name()];
        self.0
            .iter()
            .any(|(kind, value)| *value == artifact.value && names.contains(&kind.as_str()))
    }
}

impl Soar {
    /// All artifacts of an incident.
    pub async fn artifacts(&self, incident: i64) -> Result<KnownArtifacts, SoarError> {
        let artifacts = self.artifact_list(incident).await?;
        // Servers differ in whether the type comes by name; the names are fetched only where they must be.
        let numbered = artifacts
            .iter()
            .any(|artifact| type_name(&artifact["type"]).is_none());
        let none = HashMap::new();
        let names = if numbered {
            let types = &self.shared.artifact_types;
            types.get_or_try_init(|| self.artifact_type_names()).await?
        } else {
            &none
        };
        let known = artifacts.iter().filter_map(|artifact| {
            let kind = &artifact["type"];
            let name = type_name(kind)
                .map(str::to_owned)
                .or_else(|| names.get(&type_id(kind)?).cloned())?;
            Some((name, artifact["value"].as_str()?.to_owned()))
        });
        Ok(KnownArtifacts(known.collect()))
    }

    async fn artifact_list(&self, incident: i64) -> Result<Vec<Value>, SoarError> {
        let path = format!("/incidents/{incident}/artifacts?handle_format=names");
        match self.call(Call::get(path)).await {
            Ok(answer) => Ok(items(&answer)?.to_vec()),
            // A platform that only has the newer, paged form.
            Err(SoarError::NotFound { .. } | SoarError::Rejected { status: 405, .. }) => {
                self.artifact_pages(incident).await
            }
            Err(error) => Err(error),
        }
    }

    async fn artifact_pages(&self, incident: i64) -> Result<Vec<Value>, SoarError> {
        let path = format!("/incidents/{incident}/artifacts/query_paged?handle_format=names");
        let mut artifacts = Vec::new();
        loop {
            let body = json!({"start": artifacts.len(), "length": PAGE});
            let answer = self.call(Call::query(path.as_str(), &body)).await?;
            let page = items(&answer)?;
            artifacts.extend_from_slice(page);
            let total = answer["recordsTotal"].as_u64().unwrap_or(0);
            if page.is_empty() || artifacts.len() as u64 >= total || artifacts.len() >= MOST {
                return Ok(artifacts);
            }
        }
    }

    async fn artifact_type_names(&self) -> Result<HashMap<i64, String>, SoarError> {
        let answer = self.call(Call::get("/types/artifact")).await?;
        let values = answer["fields"]["type"]["values"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let name = |value: &Value| {
            Some((
                value["value"].as_i64()?,
                value["label"].as_str()?.to_owned(),
            ))
        };
        Ok(values.iter().filter_map(name).collect())
    }
}

pub(super) fn type_name(kind: &Value) -> Option<&str> {
    kind.as_str().or_else(|| kind["name"].as_str())
}

fn type_id(kind: &Value) -> Option<i64> {
    kind.as_i64().or_else(|| kind["id"].as_i64())
}
