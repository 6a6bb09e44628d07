//! Many incidents: none is lost or mixed up, however many calls are in flight.

use std::sync::Arc;

use sandbox::calls::Side;
use serde_json::{Value, json};

use crate::support::{World, incident};

/// Incidents that are there already.
const KNOWN: usize = 18_000;
const INCIDENTS: usize = 20_000;
const CONNECTIONS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_incidents_stay_apart() {
    let world = Arc::new(World::customized().await);
    let platform = world.sandbox.platform();
    for number in 0..KNOWN {
        platform.create(&sample(number)).expect("created");
    }
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..CONNECTIONS {
        let world = Arc::clone(&world);
        tasks.spawn(async move {
            for number in (KNOWN + worker..INCIDENTS).step_by(CONNECTIONS) {
                world.post("/incidents", &sample(number)).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("all posts succeed");
    }
    assert_eq!(world.sandbox.platform().incident_count(), INCIDENTS);

    for start in (0..INCIDENTS).step_by(997) {
        let filters: Vec<Value> = (start..(start + 50).min(INCIDENTS)).map(finding).collect();
        let expected = filters.len();
        let body = json!({"filters": filters});
        let found = world
            .post("/incidents/query?return_level=normal", &body)
            .await;
        let found = found.as_array().expect("a list");
        assert_eq!(found.len(), expected);
        for incident in found {
            let id = incident["properties"]["aws_guardduty_finding_id"].as_str();
            let name = incident["name"].as_str().expect("a name");
            assert_eq!(id.map(|id| id.replace('f', "n")).as_deref(), Some(name));
        }
    }
    let calls = world.sandbox.calls();
    assert_eq!(
        calls.count(Side::Soar, "POST /incidents"),
        INCIDENTS - KNOWN
    );
    assert!(calls.max_in_flight(Side::Soar) <= CONNECTIONS);
}

fn sample(number: usize) -> Value {
    let properties = json!({"aws_guardduty_finding_id": format!("f-{number}")});
    incident(&format!("n-{number}"), &properties)
}

fn finding(number: usize) -> Value {
    let equals =
        |name: &str, value: Value| json!({"field_name": name, "method": "equals", "value": value});
    json!({"conditions": [
        equals("properties.aws_guardduty_finding_id", json!(format!("f-{number}"))),
        equals("plan_status", json!("A")),
    ]})
}
