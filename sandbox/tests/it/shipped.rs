//! The customizations that are shipped, imported and run.

use std::time::Duration;

use sandbox::soar::{IncidentView, Platform, RunState};
use serde_json::{Value, json};

use crate::support::World;
use crate::worker::Worker;

const SOON: Duration = Duration::from_secs(30);
const EXPORT: &str = include_str!("../../../export/export.res");

async fn escalated() -> (World, Worker, u64) {
    let world = World::start().await;
    let export: Value = serde_json::from_str(EXPORT).expect("JSON");
    world.sandbox.platform().import(&export).expect("imported");
    let worker = Worker::subscribe_to(&world.sandbox, "fn_aws_gd").await;
    let incident = json!({
        "name": "AWS GuardDuty: Sample", "discovered_date": "2024-01-02T03:04:05.678Z",
        "properties": {
            "aws_guardduty_finding_id": "f-1", "aws_guardduty_detector_id": "d-1",
            "aws_guardduty_region": "us-east-1", "aws_guardduty_archived": "False",
            "aws_guardduty_finding_updated_at": "2024-01-02T03:04:05.678Z",
        },
        "artifacts": [{"type": {"name": "aws_s3_bucket_name"}, "value": "bucket"}],
    });
    let created = world.post("/incidents", &incident).await;
    (world, worker, created["id"].as_u64().expect("an id"))
}

async fn completed(platform: &Platform, id: u64) -> IncidentView {
    let done = |p: &Platform| {
        let runs = p.workflow_runs();
        runs.len() == 1 && runs[0].state == RunState::Completed
    };
    assert!(
        platform.wait_for(done, SOON).await,
        "{:?}",
        platform.workflow_runs()
    );
    platform.incident(id).expect("an incident")
}

#[tokio::test]
async fn closing_an_incident_archives_its_finding() {
    let (world, mut worker, id) = escalated().await;
    let platform = world.sandbox.platform();
    platform.close(id, "Resolved", "done").expect("closed");
    let message = worker.receive().await;
    assert_eq!(
        message.body["function"]["name"],
        "func_aws_guardduty_archive_finding"
    );
    let inputs = json!({
        "aws_gd_region": "us-east-1", "aws_gd_detector_id": "d-1", "aws_gd_finding_id": "f-1",
    });
    assert_eq!(message.body["inputs"], inputs);
    let reply = json!({"message_type": 0, "message": "Completed", "complete": true, "results": {
        "version": "1.0", "success": true, "reason": null, "content": {"status": "ok"}, "inputs": inputs,
    }});
    worker.reply(&message, &reply).await;
    let view = completed(platform, id).await;
    assert_eq!(view.property("aws_guardduty_archived"), Some("True"));
    assert_eq!(view.notes.len(), 1);
}

#[tokio::test]
async fn the_trigger_refreshes_an_incident_once() {
    let (world, mut worker, id) = escalated().await;
    let platform = world.sandbox.platform();
    for value in [true, false] {
        platform
            .set_field(id, "aws_guardduty_trigger_refresh", &json!(value))
            .expect("set");
    }
    let message = worker.receive().await;
    assert_eq!(message.body["inputs"]["incident_id"], id);
    let table = json!([{"cells": {"severity": {"value": "8.0"}, "count": {"value": "3"}}}]);
    let artifact = |kind: &str, value: &str| json!({"type": {"name": kind}, "value": value, "description": {"format": "text", "content": "d"}});
    let content = json!({
        "timestamp": "2024-01-03 00:00:00", "region": "us-east-1", "finding": {},
        "payload": {
            "name": "AWS GuardDuty: Sample", "severity_code": "High",
            "properties": {
                "aws_guardduty_finding_updated_at": "2024-01-03T00:00:00.000Z", "aws_guardduty_count": "3",
                "aws_guardduty_archived": "False", "aws_guardduty_severity": "8.0",
            },
            "artifacts": [artifact("IP Address", "198.51.100.1"), artifact("aws_s3_bucket_name", "bucket")],
            "comments": [],
        },
        "data_tables": {
            "gd_finding_overview": table, "gd_action_details": [], "gd_resource_affected": [],
            "gd_s3_bucket_details": [], "gd_instance_details": [], "gd_access_key_details": [],
        },
    });
    let results = json!({
        "version": "1.0", "success": true, "reason": null, "content": content, "inputs": message.body["inputs"],
        "metrics": {"timestamp": "2024-01-03 00:00:01"},
    });
    let reply =
        json!({"message_type": 0, "message": "Completed", "complete": true, "results": results});
    worker.reply(&message, &reply).await;

    let view = completed(platform, id).await;
    assert_eq!(view.severity.as_deref(), Some("High"));
    assert_eq!(view.property("aws_guardduty_count"), Some("3"));
    assert_eq!(
        view.property("aws_guardduty_finding_updated_at"),
        Some("2024-01-03T00:00:00.000Z")
    );
    assert_eq!(view.table("gd_finding_overview")[0]["severity"], "8.0");
    let artifacts: Vec<_> = view
        .artifacts
        .iter()
        .map(|a| (a.kind.as_str(), a.value.as_str()))
        .collect();
    assert_eq!(
        artifacts,
        [
            ("AWS S3 Bucket Name", "bucket"),
            ("IP Address", "198.51.100.1")
        ]
    );
    assert_eq!(view.notes.len(), 1);
}
