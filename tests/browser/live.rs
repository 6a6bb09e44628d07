//! What a page keeps while it follows changes.

use serde_json::json;

use crate::worker_process::REGION;
use crate::world::{KIND, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_and_where_one_is_stays_when_the_list_changes() {
    let world = World::new().await;
    let browser = &world.browser;
    world.aws().create_samples(REGION, 24);
    browser.go("/").await;
    browser.shows("#count", "24 incidents").await;
    browser.fill("#q", "half a wo").await;
    browser.choose("#status", "Active").await;
    let place = "document.querySelector('#q').setSelectionRange(2, 5); window.scrollTo(0, 300);";
    browser.run(place, &[]).await;

    world.aws().create_sample(REGION, KIND);
    browser.shows("#count", "25 incidents").await;
    let kept = "const q = document.querySelector('#q');
        return [document.activeElement.id, q.value, q.selectionStart, q.selectionEnd,
            document.querySelector('#status').value, window.scrollY]";
    let kept = browser.run(kept, &[]).await;
    assert_eq!(kept, json!(["q", "half a wo", 2, 5, "active", 300]));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfolded_note_and_an_answer_being_written_stay_when_the_incident_changes() {
    let (world, id) = World::at_an_incident().await;
    let browser = &world.browser;
    browser.click("#tab-notes").await;
    browser.click("#json-0 summary").await;
    browser.click("#close summary").await;
    browser.fill("#summary", "not yet").await;
    let state =
        "return [document.querySelector('#json-0').open, document.querySelector('#close').open,
        document.querySelector('#summary').value, document.activeElement.id]";
    let before = browser.run(state, &[]).await;
    assert_eq!(before, json!([true, true, "not yet", "summary"]));

    let finding = world.platform().incident(id).unwrap();
    let finding = finding.property("aws_guardduty_finding_id").unwrap();
    world.aws().update_finding(REGION, finding);
    browser.shows("#tab-notes", "Notes 3").await;
    browser
        .eventually("three notes", async || {
            browser.texts("article").await.len() == 3
        })
        .await;
    assert_eq!(browser.run(state, &[]).await, before);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_left_lets_go_of_its_stream_and_takes_it_up_again() {
    let world = World::new().await;
    let browser = &world.browser;
    let one = async || world.platform().watchers() == 1;
    for _ in 0..4 {
        browser.go("/guardduty").await;
        browser.go("/").await;
    }
    browser.eventually("one stream", one).await;
    browser.run("history.back()", &[]).await;
    browser.shows("h1", "GuardDuty").await;
    browser.eventually("one stream", one).await;
    world.aws().create_sample(REGION, KIND);
    browser.shows("#news", "1 finding").await;
    world.close().await;
}
