//! The incident list.

use crate::worker_process::REGION;
use crate::world::{OTHER_REGION, World};

const HEADINGS: [&str; 8] = [
    "AWS GuardDuty Finding Id",
    "AWS GuardDuty Region",
    "Date Closed",
    "Name",
    "Description",
    "ID",
    "Date Discovered",
    "Date Created",
];

#[tokio::test(flavor = "multi_thread")]
async fn incidents_come_by_themselves_and_are_filtered_sorted_and_paged() {
    let world = World::new().await;
    let browser = &world.browser;
    browser.go("/").await;
    browser.shows(".empty", "No incident").await;
    let headings = browser.texts("#list th").await;
    let headings = headings
        .iter()
        .map(|text| text.trim_end_matches([' ', '▲', '▼']));
    assert_eq!(headings.collect::<Vec<_>>(), HEADINGS);

    world.aws().create_samples(REGION, 20);
    world.aws().create_samples(OTHER_REGION, 8);
    browser.shows("#count", "28 incidents").await;
    browser.shows("#news", "28 incidents").await;
    browser.shows(".pager", "Page 1 of 2").await;
    assert_eq!(browser.texts("#list tbody tr").await.len(), 25);
    browser.click(".pager a").await;
    browser.shows(".pager", "Page 2 of 2").await;
    assert_eq!(browser.texts("#list tbody tr").await.len(), 3);

    browser.choose("#region", OTHER_REGION).await;
    browser.click("#apply").await;
    browser.shows("#count", "8 incidents").await;
    let regions = browser.texts("#list td.region").await;
    assert!(
        regions.iter().all(|region| region == OTHER_REGION),
        "{regions:?}"
    );

    browser.click("#list th:nth-child(4) a").await;
    browser.shows("#list th[aria-sort=ascending]", "Name").await;
    let names = browser.texts("#list td.name a").await;
    assert!(names.is_sorted(), "{names:?}");
    browser.click("#list th:nth-child(4) a").await;
    browser
        .shows("#list th[aria-sort=descending]", "Name")
        .await;
    let names = browser.texts("#list td.name a").await;
    assert!(names.iter().rev().is_sorted(), "{names:?}");

    let wanted = names[3].clone();
    browser.fill("#q", &wanted).await;
    browser.click("#apply").await;
    browser.shows("#count", "1 incident,").await;
    browser.click("#list td.name a").await;
    browser.shows("h1", &wanted).await;
    world.close().await;
}
