//! An incident's page.

use crate::worker_process::REGION;
use crate::world::World;

const TABLES: [&str; 6] = [
    "GuardDuty Finding Overview",
    "GuardDuty Action/Actor Details",
    "GuardDuty Resource Affected",
    "GuardDuty Resource - S3 Bucket Details",
    "GuardDuty Resource - Instance Details",
    "GuardDuty Resource - Access Key Details",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_tab_shows_what_the_incident_has() {
    let (world, id) = World::at_an_incident().await;
    let browser = &world.browser;
    let incident = world.platform().incident(id).unwrap();

    assert_eq!(browser.text("h1").await, incident.name);
    assert_eq!(
        browser.texts("h2").await,
        ["Incident", "AWS GuardDuty Properties"]
    );
    assert_eq!(browser.texts("#properties dt").await.len(), 11);
    let fields = browser.texts("#properties dd").await;
    for (name, value) in &incident.properties {
        let value = value
            .as_str()
            .map_or_else(|| "No".to_owned(), str::to_owned);
        assert!(fields.contains(&value), "{name} {value} in {fields:?}");
    }

    browser.click("#tab-notes").await;
    browser
        .shows("article p", "AWS GuardDuty finding Payload:")
        .await;
    let json = "return document.querySelector('.json').checkVisibility()";
    assert_eq!(browser.run(json, &[]).await, false, "folded at first");
    browser.click("#json-0 summary").await;
    let shown = browser.text(".json").await;
    let finding: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        finding["Id"].as_str(),
        incident.property("aws_guardduty_finding_id")
    );
    assert!(shown.lines().count() > 20, "pretty-printed");

    browser.click("#tab-artifacts").await;
    browser.shows("h2", "Artifacts").await;
    let values: Vec<String> = incident.artifacts.iter().map(|a| a.value.clone()).collect();
    assert!(values.len() > 2);
    assert_eq!(browser.texts("#artifacts td.value").await, values);

    browser.click("#tab-guardduty").await;
    browser.shows("h2", TABLES[0]).await;
    let headings = browser.texts("h2").await;
    let named = |(heading, table): (&String, &&str)| heading.starts_with(table);
    assert_eq!(headings.len(), 6);
    assert!(headings.iter().zip(&TABLES).all(named), "{headings:?}");
    let rows: usize = incident.rows.values().map(Vec::len).sum();
    assert_eq!(browser.texts("tbody tr").await.len(), rows);

    browser.click("#tab-workflows").await;
    browser.shows(".empty", "No workflow has run.").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_brings_rows_and_notes_before_the_analysts_eyes() {
    let (world, id) = World::at_an_incident().await;
    let browser = &world.browser;
    let before = world.platform().incident(id).unwrap();
    let finding = before.property("aws_guardduty_finding_id").unwrap();
    let rows = before.rows.values().map(Vec::len).sum::<usize>();

    browser.click("#tab-guardduty").await;
    browser.shows("h2", TABLES[0]).await;
    browser.click("#refresh").await;
    let twice = format!("AWS GuardDuty Details {}", 2 * rows);
    browser.shows("#tab-guardduty", &twice).await;
    browser
        .eventually("new rows", async || {
            browser.texts("#gd_finding_overview tbody tr").await.len() == 2
        })
        .await;
    browser.shows("#tab-notes", "Notes 3").await;
    assert_eq!(
        browser.address().await,
        format!("/incidents/{id}?tab=guardduty")
    );

    browser.click("#tab-notes").await;
    browser.shows(".rich", "Finding data returned").await;
    browser
        .shows(".rich b", "func_aws_guardduty_refresh_finding")
        .await;
    browser.click("#tab-workflows").await;
    browser.shows("article h3", "Refresh Finding Details").await;
    browser.shows(".badge", "Completed").await;
    assert!(!browser.texts(".messages li").await.is_empty());
    assert!(!world.aws().is_archived(REGION, finding));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_archives_the_finding_and_reopening_opens_the_incident() {
    let (world, id) = World::at_an_incident().await;
    let browser = &world.browser;
    let incident = world.platform().incident(id).unwrap();
    let finding = incident.property("aws_guardduty_finding_id").unwrap();

    browser.click("#close summary").await;
    browser.choose("#resolution", "Not an Issue").await;
    browser.fill("#summary", "The scanner is ours.").await;
    browser.click("#confirm").await;
    browser.shows(".facts", "Closed").await;
    browser.shows("#news", "Closed").await;
    browser.shows("dd", "The scanner is ours.").await;
    browser.shows("#tab-notes", "Notes 2").await;
    browser.click("#tab-notes").await;
    browser.shows(".rich", "was successfully archived").await;

    browser
        .go(&format!("/guardduty?region={REGION}&show=archived"))
        .await;
    browser.shows("#findings", finding).await;
    assert!(world.aws().is_archived(REGION, finding));

    // The worker would close it again while the finding is archived.
    browser.click(&format!("#turn-{finding}")).await;
    browser.shows("#findings", "There are no findings.").await;
    browser.go(&format!("/incidents/{id}")).await;
    browser.click("#reopen").await;
    browser.shows(".facts", "Active").await;
    browser.shows("#close", "Close incident").await;
    world.close().await;
}
