//! Incidents and what belongs to them, over REST.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{World, incident};

#[tokio::test]
async fn an_incident_is_created_with_everything_in_one_call() {
    let world = World::customized().await;
    let created = world
        .post(
            "/incidents?handle_format=names",
            &json!({
                "name": "One", "description": {"format": "text", "content": "about it"},
                "discovered_date": "2020-11-25T13:46:37.960Z", "severity_code": {"name": "Low"},
                "properties": {"aws_guardduty_finding_id": "abc"},
                "artifacts": [
                    {"type": {"name": "IP Address"}, "value": "198.51.100.0", "description": {"format": "text", "content": "d"}},
                    {"type": {"name": "test_artifact"}, "value": "v"},
                    {"type": "Test Artifact", "value": "v"},
                ],
                "comments": [{"text": {"format": "text", "content": "a note"}}],
            }),
        )
        .await;
    assert_eq!(created["severity_code"], "Low");
    assert_eq!(created["discovered_date"], 1_606_311_997_960_i64);
    assert_eq!(created["plan_status"], "A");

    let id = created["id"].as_u64().expect("an id");
    let plain = world.get(&format!("/incidents/{id}")).await;
    assert_eq!(
        (&plain["severity_code"], &plain["vers"]),
        (&json!(4), &json!(1))
    );
    let view = world.sandbox.platform().incident(id).expect("an incident");
    let artifacts: Vec<_> = view
        .artifacts
        .iter()
        .map(|a| (a.kind.as_str(), a.value.as_str()))
        .collect();
    assert_eq!(
        artifacts,
        [("IP Address", "198.51.100.0"), ("Test Artifact", "v")]
    );
    assert_eq!(view.notes[0].content, "a note");
    assert_eq!(view.description.as_deref(), Some("about it"));
    let found = world.sandbox.platform().incident_for_finding("abc");
    assert_eq!(found, [view]);
}

#[tokio::test]
async fn what_the_platform_does_not_know_is_refused_and_nothing_is_made() {
    let world = World::customized().await;
    let with = |name: &str, value: Value| {
        let mut body = incident("One", &json!({}));
        body[name] = value;
        body
    };
    let artifact = |kind: &str, value: &str| json!([{"type": {"name": kind}, "value": value}]);
    let refusals = [
        (json!({"name": "no date"}), "discovered_date"),
        (with("name", json!("")), "name"),
        (with("name", json!("n".repeat(10_000))), "10000 characters"),
        (with("colour", json!("red")), "colour"),
        (with("severity_code", json!("Critical")), "Critical"),
        (with("properties", json!({"colour": "red"})), "colour"),
        (
            with("properties", json!({"aws_guardduty_finding_id": 2.5})),
            "not a text",
        ),
        (with("artifacts", artifact("Colour", "red")), "Colour"),
        (with("artifacts", artifact("IP Address", " ")), "value"),
        (
            with("comments", json!([{"text": "n".repeat(1_000_000)}])),
            "note",
        ),
    ];
    for (body, names) in refusals {
        let (status, message) = world.refused(Method::POST, "/incidents", &body).await;
        assert_eq!(status, 400, "{message}");
        assert!(message.contains(names), "{message:?} does not name {names}");
    }
    assert_eq!(world.sandbox.platform().incident_count(), 0);
}

#[tokio::test]
async fn queries_join_filters_by_or_and_conditions_by_and() {
    let world = World::customized().await;
    for name in ["a", "b", "c"] {
        let properties = json!({"aws_guardduty_finding_id": name, "flag_of_test": name == "b"});
        world.post("/incidents", &incident(name, &properties)).await;
    }
    let platform = world.sandbox.platform();
    let first = platform.incidents()[0].id;
    platform.close(first, "Resolved", "done").expect("closed");

    let equals =
        |name: &str, value: Value| json!({"field_name": name, "method": "equals", "value": value});
    let finding = |id: &str| equals("properties.aws_guardduty_finding_id", json!(id));
    let open = equals("plan_status", json!("A"));
    let names = async |filters: Value| {
        let body = json!({"filters": filters, "sorts": [{"field_name": "create_date", "type": "desc"}, {"field_name": "name", "type": "desc"}]});
        let found = world
            .post("/incidents/query?return_level=normal", &body)
            .await;
        let found = found.as_array().expect("a list").clone();
        let names = found
            .iter()
            .map(|i| i["name"].as_str().unwrap_or_default().to_owned());
        names.collect::<String>()
    };
    let both = json!([{"conditions": [finding("a")]}, {"conditions": [finding("b"), open]}]);
    assert_eq!(names(both).await.len(), 2);
    assert_eq!(
        names(json!([{"conditions": [finding("a"), open]}])).await,
        ""
    );
    assert_eq!(names(json!([{"conditions": [finding("z")]}])).await, "");
    let flagged = json!([{"conditions": [equals("properties.flag_of_test", json!(true))]}]);
    assert_eq!(names(flagged).await, "b");
    let known =
        json!({"field_name": "properties.aws_guardduty_finding_id", "method": "has_a_value"});
    assert_eq!(names(json!([{"conditions": [known, open]}])).await.len(), 2);

    let refusals = [
        json!({"field_name": "properties.colour", "method": "equals", "value": "a"}),
        json!({"field_name": "aws_guardduty_finding_id", "method": "equals", "value": "a"}),
        json!({"field_name": "properties.aws_guardduty_finding_id", "method": "in", "value": ["a"]}),
        json!({"field_name": "name", "method": "sounds_like", "value": "a"}),
    ];
    for condition in refusals {
        let body = json!({"filters": [{"conditions": [condition]}]});
        let (status, _) = world.refused(Method::POST, "/incidents/query", &body).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn pages_are_cut_as_asked() {
    let world = World::customized().await;
    for name in ["a", "b", "c"] {
        world.post("/incidents", &incident(name, &json!({}))).await;
    }
    let body = json!({"filters": [], "start": 2, "length": 2});
    let page = world
        .post("/incidents/query_paged?return_level=normal", &body)
        .await;
    assert_eq!(page["recordsTotal"], 3);
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["data"][0]["name"], "c");
}

#[tokio::test]
async fn a_patch_applies_or_names_what_is_stale() {
    let world = World::customized().await;
    let created = world.post("/incidents", &incident("One", &json!({}))).await;
    let incident_path = format!("/incidents/{}", created["id"]);
    let patch = |field: &str, old: Value, new: Value| json!({"version": 1, "changes": [{"field": field, "old_value": {"object": old}, "new_value": {"object": new}}]});
    let bare = patch("flag_of_test", Value::Null, json!(true));
    assert_eq!(
        world.call(Method::PATCH, &incident_path, &bare).await["success"],
        true
    );
    let again = world.call(Method::PATCH, &incident_path, &bare).await;
    assert_eq!(again["success"], false);
    assert_eq!(again["field_failures"][0]["actual_current_value"], true);
    let prefixed = patch("properties.flag_of_test", json!(true), json!(false));
    assert_eq!(
        world.call(Method::PATCH, &incident_path, &prefixed).await["success"],
        true
    );
    let read = world.get(&incident_path).await;
    assert_eq!(
        (&read["vers"], &read["properties"]["flag_of_test"]),
        (&json!(3), &json!(false))
    );

    let unknown = patch("colour", Value::Null, json!("red"));
    assert_eq!(
        world
            .refused(Method::PATCH, &incident_path, &unknown)
            .await
            .0,
        400
    );
    let close = patch("plan_status", json!("A"), json!("C"));
    let (status, message) = world.refused(Method::PATCH, &incident_path, &close).await;
    assert_eq!(status, 400);
    assert!(message.contains("resolution_"), "{message}");
}

#[tokio::test]
async fn a_conflict_shows_what_is_there_in_the_form_asked_for() {
    let world = World::customized().await;
    let mut body = incident("One", &json!({}));
    body["severity_code"] = "High".into();
    let created = world.post("/incidents", &body).await;
    let change = json!({"version": 1, "changes": [{
        "field": "severity_code", "old_value": {"object": "Low"}, "new_value": {"object": "Medium"},
    }]});
    for (query, current) in [("", json!(6)), ("?handle_format=names", json!("High"))] {
        let place = format!("/incidents/{}{query}", created["id"]);
        let answer = world.call(Method::PATCH, &place, &change).await;
        assert_eq!(answer["field_failures"][0]["actual_current_value"], current);
        assert_eq!(answer["field_failures"][0]["your_original_value"], "Low");
    }
}

#[tokio::test]
async fn a_whole_incident_sent_back_is_taken_unless_it_is_stale() {
    let world = World::customized().await;
    let mut read = world.post("/incidents", &incident("One", &json!({}))).await;
    let place = format!("/incidents/{}", read["id"]);
    read["properties"]["count_of_test"] = 3.into();
    let replaced = world.call(Method::PUT, &place, &read).await;
    assert_eq!(
        (&replaced["vers"], &replaced["properties"]["count_of_test"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(world.refused(Method::PUT, &place, &read).await.0, 409);
}

#[tokio::test]
async fn an_incident_closes_with_its_resolution_and_reopens() {
    let world = World::customized().await;
    let created = world.post("/incidents", &incident("One", &json!({}))).await;
    let id = created["id"].as_u64().expect("an id");
    let change = |field: &str, old: Value, new: Value| json!({"field": field, "old_value": {"object": old}, "new_value": {"object": new}});
    let patch = json!({"version": 1, "changes": [
        change("plan_status", json!("A"), json!("C")),
        change("resolution_id", Value::Null, json!("Resolved")),
        change("resolution_summary", Value::Null, json!("done")),
    ]});
    world
        .call(Method::PATCH, &format!("/incidents/{id}"), &patch)
        .await;
    let platform = world.sandbox.platform();
    let closed = platform.incident(id).expect("an incident");
    assert_eq!(
        (closed.plan_status.as_str(), closed.resolution.as_deref()),
        ("C", Some("Resolved"))
    );
    assert!(closed.end_date.is_some());
    platform.reopen(id).expect("open again");
    assert_eq!(platform.incident(id).and_then(|i| i.end_date), None);
}

#[tokio::test]
async fn rows_artifacts_and_notes_are_added_and_read() {
    let world = World::customized().await;
    let created = world.post("/incidents", &incident("One", &json!({}))).await;
    let path = |rest: &str| format!("/incidents/{}{rest}", created["id"]);
    let table = path("/table_data/test_table");
    let row = json!({"cells": {"first": {"value": "1"}, "second": {"value": null}}});
    let added = world.post(&format!("{table}/row_data"), &row).await;
    let rows = world.get(&format!("{table}?handle_format=names")).await;
    assert_eq!(rows["rows"][0]["id"], added["id"]);
    assert_eq!(rows["rows"][0]["cells"]["first"]["value"], "1");
    let by_id = world.get(&table).await;
    assert!(by_id["rows"][0]["cells"]["first"].is_null());
    for wrong in [
        json!({"cells": {"third": {"value": "1"}}}),
        json!({"cells": {"first": {"value": 1}}}),
        json!({"cells": {"first": {"value": "x".repeat(100_000)}}}),
    ] {
        let path = format!("{table}/row_data");
        assert_eq!(world.refused(Method::POST, &path, &wrong).await.0, 400);
    }
    let unknown = path("/table_data/other/row_data");
    assert_eq!(world.refused(Method::POST, &unknown, &row).await.0, 404);

    let artifact = json!({"type": {"name": "IP Address"}, "value": "198.51.100.0"});
    let first = world.post(&path("/artifacts"), &artifact).await;
    assert_eq!(world.post(&path("/artifacts"), &artifact).await, first);
    let paged = world
        .post(&path("/artifacts/query_paged"), &json!({}))
        .await;
    assert_eq!(paged["recordsTotal"], 1);
    assert_eq!(paged["data"][0]["type"], 1);
    let named = world.get(&path("/artifacts?handle_format=names")).await;
    assert_eq!(named[0]["type"], "IP Address");

    world
        .post(
            &path("/comments"),
            &json!({"text": {"format": "text", "content": "n"}}),
        )
        .await;
    assert_eq!(world.get(&path("/comments")).await[0]["text"], "n");
}
