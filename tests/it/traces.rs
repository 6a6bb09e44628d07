//! What is told of one finding is found in the log by one id, whoever did it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{REGION, World, only};

#[tokio::test(flavor = "multi_thread")]
async fn one_id_leads_from_the_listing_over_the_incident_to_the_functions() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let [finding, other] = &aws.create_samples(REGION, 2)[..] else {
        panic!("two findings")
    };
    world.start_and_listen().await;
    world.escalated([finding, other]).await;
    let incident = only(world.platform(), finding).id;
    aws.update_finding(REGION, finding);
    world
        .log_shows(&format!("anew for incident {incident}"))
        .await;
    world
        .platform()
        .close(incident, "Resolved", "Seen to.")
        .unwrap();
    world
        .log_shows(&format!("archived finding {finding}"))
        .await;
    aws.archive(REGION, other);
    let closed = only(world.platform(), other).id;
    world.log_shows(&format!("closed incident {closed}")).await;

    let log = world.log();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let told = |of: &str| -> BTreeSet<String> {
        let of_trace = lines.iter().filter(|line| line["span"]["trace_id"] == *of);
        of_trace
            .filter_map(|line| line["message"].as_str())
            .map(|message| message.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    };
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let of_finding: BTreeSet<String> = words(&["escalated", "finding", "read", "archived"]);
    assert_eq!(told(finding), of_finding);
    assert_eq!(told(other), words(&["escalated", "closed"]));
    let by_function = |line: &&Value| line["span"]["name"] == "function";
    for line in lines.iter().filter(by_function) {
        let span = &line["span"];
        assert!(span["message_id"].is_string(), "{line}");
        assert!(
            span["function"]
                .as_str()
                .is_some_and(|name| name.starts_with("func_aws_guardduty_")),
            "{line}"
        );
    }
}
