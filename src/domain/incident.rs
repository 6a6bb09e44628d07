//! What a finding becomes: an incident with its fields, artifacts and data table rows, and their REST forms.

use serde_json::{Map, Value, json};

/// API names of the incident fields, without the `properties.` prefix.
pub mod field {
    /// Id of the finding.
    pub const FINDING_ID: &str = "aws_guardduty_finding_id";
    /// ARN of the finding.
    pub const FINDING_ARN: &str = "aws_guardduty_finding_arn";
    /// Type of the finding, such as `Recon:EC2/Portscan`.
    pub const FINDING_TYPE: &str = "aws_guardduty_finding_type";
    /// When the finding was last updated, as GuardDuty gives it.
    pub const FINDING_UPDATED_AT: &str = "aws_guardduty_finding_updated_at";
    /// Region whose GuardDuty was asked.
    pub const REGION: &str = "aws_guardduty_region";
    /// GuardDuty's own severity, a number as text.
    pub const SEVERITY: &str = "aws_guardduty_severity";
    /// Type of the affected resource.
    pub const RESOURCE_TYPE: &str = "aws_guardduty_resource_type";
    /// Detector that made the finding.
    pub const DETECTOR_ID: &str = "aws_guardduty_detector_id";
    /// How often the activity was seen.
    pub const COUNT: &str = "aws_guardduty_count";
    /// Whether the finding is archived: `True` or `False`.
    pub const ARCHIVED: &str = "aws_guardduty_archived";
    /// Boolean; a change to true makes the platform refresh the incident.
    pub const TRIGGER_REFRESH: &str = "aws_guardduty_trigger_refresh";
}

/// API names of the data tables, in the order in which rows are written.
pub const TABLES: [&str; 6] = [
    "gd_finding_overview",
    "gd_action_details",
    "gd_resource_affected",
    "gd_s3_bucket_details",
    "gd_instance_details",
    "gd_access_key_details",
];

/// An incident that does not exist yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewIncident {
    /// Title of the incident.
    pub name: String,
    /// Plain text.
    pub description: String,
    /// ISO 8601 text.
    pub discovered_date: String,
    /// Name of a value of the platform's severity field.
    pub severity_code: Option<&'static str>,
    /// The ten [`field`]s of a finding, text or null.
    pub properties: Map<String, Value>,
    /// No two of the same kind and value, none empty.
    pub artifacts: Vec<Artifact>,
    /// The tables that have rows, in the order of [`TABLES`].
    pub tables: Vec<Table>,
    /// What of the finding is in none of these, in one line.
    pub left_out: Option<String>,
}

impl NewIncident {
    /// The body of `POST /incidents`: everything but the rows, with `note` as the first comment.
    pub fn to_dto(&self, note: &str) -> Value {
        let mut dto = self.fields();
        if !self.artifacts.is_empty() {
            let artifacts = self.artifacts.iter().map(Artifact::to_dto).collect();
            dto.insert("artifacts".to_owned(), artifacts);
        }
        dto.insert("comments".to_owned(), json!([{"text": plain_text(note)}]));
        Value::Object(dto)
    }

    /// `payload` of a refresh result. The platform's scripts read `artifacts` and `comments` as lists; artifacts
    /// that `is_known` names are left out, and the note is posted by the function itself.
    pub fn payload(&self, is_known: impl Fn(&Artifact) -> bool) -> Value {
        let mut payload = self.fields();
        let unknown = self.artifacts.iter().filter(|artifact| !is_known(artifact));
        payload.insert(
            "artifacts".to_owned(),
            unknown.map(Artifact::to_dto).collect(),
        );
        payload.insert("comments".to_owned(), json!([]));
        Value::Object(payload)
    }

    /// `data_tables` of a refresh result: every table, those without rows as an empty list.
    pub fn data_tables(&self) -> Value {
        let rows_of = |name: &'static str| -> Value {
            let of_table = self.tables.iter().filter(|table| table.name == name);
            of_table
                .flat_map(|table| &table.rows)
                .map(Row::to_dto)
                .collect()
        };
        let tables = TABLES
            .into_iter()
            .map(|name| (name.to_owned(), rows_of(name)));
        Value::Object(tables.collect())
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("name".to_owned(), json!(self.name));
        fields.insert("description".to_owned(), plain_text(&self.description));
        fields.insert("discovered_date".to_owned(), json!(self.discovered_date));
        fields.insert("severity_code".to_owned(), json!(self.severity_code));
        fields.insert(
            "properties".to_owned(),
            Value::Object(self.properties.clone()),
        );
        fields
    }
}

/// A value worth searching for elsewhere: an address, a name, a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Artifact type.
    pub kind: ArtifactKind,
    /// Never empty.
    pub value: String,
    /// Where in the finding the value stands.
    pub description: String,
}

impl Artifact {
    /// The artifact as the REST API takes it.
    pub fn to_dto(&self) -> Value {
        json!({
            "type": {"name": self.kind.api_name()},
            "description": plain_text(&self.description),
            "value": self.value,
        })
    }
}

/// The artifact types in use: three of the customizations, three of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArtifactKind {
    /// Access key id.
    AccessKeyId,
    /// IAM user name.
    UserName,
    /// S3 bucket name.
    BucketName,
    /// IPv4 or IPv6 address.
    IpAddress,
    /// Host or domain name.
    DnsName,
    /// TCP or UDP port.
    Port,
}

impl ArtifactKind {
    /// Every kind, in the order in which an incident lists them.
    pub const ALL: [Self; 6] = [
        Self::AccessKeyId,
        Self::UserName,
        Self::BucketName,
        Self::IpAddress,
        Self::DnsName,
        Self::Port,
    ];

    /// The name by which the REST API takes the type.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::AccessKeyId => "aws_iam_access_key_id",
            Self::UserName => "aws_iam_user_name",
            Self::BucketName => "aws_s3_bucket_name",
            Self::IpAddress | Self::DnsName | Self::Port => self.display_name(),
        }
    }

    /// The name that an analyst sees.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::AccessKeyId => "AWS IAM Access Key ID",
            Self::UserName => "AWS IAM User Name",
            Self::BucketName => "AWS S3 Bucket Name",
            Self::IpAddress => "IP Address",
            Self::DnsName => "DNS Name",
            Self::Port => "Port",
        }
    }
}

/// A data table and what is to be added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// One of [`TABLES`].
    pub name: &'static str,
    /// At least one.
    pub rows: Vec<Row>,
}

/// The column of every table that says when its row was made.
const QUERY_EXECUTION_DATE: &str = "query_execution_date";

/// One row: its cells in order, none empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    cells: Vec<(&'static str, String)>,
}

impl Row {
    /// A row of the cells that have a value, the first one of each column, with the time of the query as its second
    /// cell; none when no cell has a value.
    pub fn new(
        queried_at: &str,
        cells: impl IntoIterator<Item = (&'static str, Option<String>)>,
    ) -> Option<Self> {
        let mut filled: Vec<(&'static str, String)> = Vec::new();
        for (column, value) in cells {
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                continue;
            };
            if filled.iter().all(|(taken, _)| *taken != column) {
                filled.push((column, value));
            }
        }
        if filled.is_empty() {
            return None;
        }
        filled.insert(1, (QUERY_EXECUTION_DATE, queried_at.to_owned()));
        Some(Self { cells: filled })
    }

    /// (column, value) in order.
    pub fn cells(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.cells
            .iter()
            .map(|(column, value)| (*column, value.as_str()))
    }

    /// The row as the REST API takes it.
    pub fn to_dto(&self) -> Value {
        let cells = self
            .cells()
            .map(|(column, value)| (column.to_owned(), json!({"value": value})));
        json!({"cells": cells.collect::<Map<_, _>>()})
    }
}

fn plain_text(content: &str) -> Value {
    json!({"format": "text", "content": content})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(value: &str) -> Artifact {
        Artifact {
            kind: ArtifactKind::Port,
            value: value.to_owned(),
            description: "where".to_owned(),
        }
    }

    fn incident(artifacts: Vec<Artifact>) -> NewIncident {
        let rows = Row::new(
            "now",
            [
                ("severity", Some("2".to_owned())),
                ("region", None),
                ("count", Some("1".to_owned())),
            ],
        );
        NewIncident {
            name: "name".to_owned(),
            description: "text".to_owned(),
            discovered_date: "2020-11-25T13:46:37.960Z".to_owned(),
            severity_code: Some("Low"),
            properties: Map::from_iter([(field::COUNT.to_owned(), Value::Null)]),
            artifacts,
            tables: vec![Table {
                name: TABLES[0],
                rows: rows.into_iter().collect(),
            }],
            left_out: None,
        }
    }

    #[test]
    fn the_dto_has_the_members_of_a_full_incident() {
        let dto = incident(vec![artifact("22")]).to_dto("the note");
        assert_eq!(
            dto,
            json!({
                "name": "name",
                "description": {"format": "text", "content": "text"},
                "discovered_date": "2020-11-25T13:46:37.960Z",
                "severity_code": "Low",
                "properties": {"aws_guardduty_count": null},
                "artifacts": [
                    {"type": {"name": "Port"}, "description": {"format": "text", "content": "where"}, "value": "22"},
                ],
                "comments": [{"text": {"format": "text", "content": "the note"}}],
            })
        );
    }

    #[test]
    fn the_dto_of_an_incident_without_artifacts_has_no_such_member() {
        assert!(incident(vec![]).to_dto("n").get("artifacts").is_none());
    }

    #[test]
    fn a_payload_leaves_known_artifacts_out_and_keeps_its_lists() {
        let payload =
            incident(vec![artifact("22"), artifact("80")]).payload(|known| known.value == "22");
        assert_eq!(payload["artifacts"].as_array().unwrap().len(), 1);
        assert_eq!(payload["artifacts"][0]["value"], "80");
        assert_eq!(payload["comments"], json!([]));
        assert_eq!(incident(vec![]).payload(|_| true)["artifacts"], json!([]));
    }

    #[test]
    fn data_tables_name_every_table() {
        let tables = incident(vec![]).data_tables();
        assert_eq!(
            tables.as_object().unwrap().keys().collect::<Vec<_>>(),
            TABLES
        );
        assert_eq!(
            tables[TABLES[0]],
            json!([{"cells": {
                "severity": {"value": "2"}, "query_execution_date": {"value": "now"}, "count": {"value": "1"},
            }}])
        );
        assert_eq!(tables[TABLES[5]], json!([]));
    }

    #[test]
    fn a_row_without_values_is_no_row() {
        assert_eq!(Row::new("now", [("region", None)]), None);
    }
}
