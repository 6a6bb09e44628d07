//! GuardDuty's console beside the platform.

use crate::worker_process::REGION;
use crate::world::{OTHER_REGION, World};

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_made_and_changed_and_their_incidents_follow() {
    let world = World::new().await;
    let browser = &world.browser;
    browser.go("/guardduty").await;
    let detectors = browser.texts("#detectors td.value").await;
    let known = [OTHER_REGION, REGION].map(|region| world.aws().detector_id(region).unwrap());
    assert_eq!(detectors, known);

    browser.choose("#sample-region", REGION).await;
    browser.choose("#sample-kind", "ec2 port probe").await;
    browser.click("#create").await;
    browser.shows("#findings-heading", REGION).await;
    browser
        .shows("#findings td", "Recon:EC2/PortProbeUnprotectedPort")
        .await;
    browser.shows("#findings td a", "21").await;
    let finding = world.aws().findings(REGION)[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let incident: u64 = browser.text("#findings td a").await.parse().unwrap();

    let act = async |button: &str| browser.click(&format!("#{button}-{finding}")).await;
    let count = browser.text("#findings td:nth-child(3)").await;
    act("update").await;
    browser
        .eventually("another count", async || {
            browser.text("#findings td:nth-child(3)").await != count
        })
        .await;
    browser.click("#findings td a").await;
    browser.shows("#tab-notes", "Notes 3").await;

    browser.go("/guardduty?region=us-east-1").await;
    act("turn").await;
    browser.shows("#findings .badge", "Archived").await;
    browser.shows("#findings button", "Unarchive").await;
    browser.go(&format!("/incidents/{incident}")).await;
    browser.shows(".facts", "Closed").await;

    browser.go("/guardduty?region=us-east-1").await;
    act("turn").await;
    browser.shows("#findings .badge", "Current").await;
    act("delete").await;
    browser.shows("#findings", "There are no findings.").await;

    browser.choose("#sample-region", OTHER_REGION).await;
    browser.choose("#sample-kind", "One of every type").await;
    browser.click("#create").await;
    browser.shows("#findings-heading", OTHER_REGION).await;
    browser.shows(".pager", "Page 1 of 2").await;
    browser.go("/").await;
    browser.shows("#count", "29 incidents").await;
    world.close().await;
}
