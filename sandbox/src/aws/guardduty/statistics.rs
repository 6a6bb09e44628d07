//! `GetFindingsStatistics`

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::findings::{FindingCriteria, criteria};
use super::owned;
use crate::aws::account::Account;
use crate::aws::error::ApiError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingsStatistics {
    finding_statistic_types: Option<Vec<String>>,
    finding_criteria: Option<FindingCriteria>,
    group_by: Option<String>,
}

pub(super) fn count(
    account: &mut Account,
    region: &str,
    id: &str,
    request: FindingsStatistics,
) -> Result<Value, ApiError> {
    let store = &owned(account, region, id)?.findings;
    let criteria = criteria(request.finding_criteria)?;
    let mut counts: BTreeMap<String, (f64, u64)> = BTreeMap::new();
    let mut last = 0;
    for stored in store
        .by_id()
        .values()
        .filter(|stored| criteria.admits(stored))
    {
        let severity = stored.finding["severity"].as_f64().unwrap_or_default();
        counts
            .entry(format!("{severity:04.1}"))
            .or_insert((severity, 0))
            .1 += 1;
        last = last.max(stored.updated_ms / 1000);
    }
    let types = request.finding_statistic_types.unwrap_or_default();
    match (types.as_slice(), request.group_by.as_deref()) {
        ([kind], None) if kind == "COUNT_BY_SEVERITY" => {
            let counts: Map<String, Value> = counts
                .into_values()
                .map(|(severity, count)| (format!("{severity:.1}"), json!(count)))
                .collect();
            Ok(json!({"findingStatistics": {"countBySeverity": counts}}))
        }
        ([], Some("SEVERITY")) => {
            let group = |(severity, count)| json!({"severity": severity, "totalFindings": count, "lastGeneratedAt": last});
            let groups: Vec<Value> = counts.into_values().map(group).collect();
            Ok(json!({"findingStatistics": {"groupedBySeverity": groups}}))
        }
        _ => Err(ApiError::out_of_range()),
    }
}
