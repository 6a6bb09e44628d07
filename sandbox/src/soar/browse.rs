//! What a list of incidents shows: filtered, searched, sorted, a page at a time.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Platform;
use super::analyst::FINDING_ID;
use super::incident::Incident;
use super::query::Query;
use super::refusal::Refusal;
use super::view::IncidentView;

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many there are on all pages.
    pub total: usize,
    /// The incidents of this page.
    pub incidents: Vec<IncidentView>,
}

impl Platform {
    /// Incidents by a query, as `POST /incidents/query` takes it, of which the number, the finding's id, the name or the
    /// description holds a text in any case.
    pub fn browse(
        &self,
        query: &Value,
        search: &str,
        skip: usize,
        take: usize,
    ) -> Result<Found, Refusal> {
        let search = search.trim().to_lowercase();
        self.read(|state| {
            let ids = Query::parse(query, &state.catalog)?.run(state);
            let all = ids.iter().filter_map(|id| state.incidents.get(id));
            let found: Vec<&Incident> = all.filter(|i| mentions(i, &search)).collect();
            let page = found.iter().skip(skip).take(take);
            Ok(Found {
                total: found.len(),
                incidents: page.map(|i| IncidentView::of(i, &state.catalog)).collect(),
            })
        })
    }

    /// The different texts that a custom field has in all incidents.
    pub fn property_values(&self, name: &str) -> BTreeSet<String> {
        self.read(|state| {
            let incidents = state.incidents.values();
            let values = incidents.filter_map(|incident| incident.properties.get(name)?.as_str());
            values.map(str::to_owned).collect()
        })
    }
}

fn mentions(incident: &Incident, search: &str) -> bool {
    let text = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str);
        text.is_some_and(|text| text.to_lowercase().contains(search))
    };
    search.is_empty()
        || incident.id.to_string() == search.trim_start_matches('#')
        || text(incident.properties.get(FINDING_ID))
        || text(incident.core.get("name"))
        || text(incident.core.get("description"))
}
