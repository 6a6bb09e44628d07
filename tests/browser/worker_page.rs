//! The worker's own page.

use crate::looks::{SCHEMES, WIDTHS, assert_accessible, assert_scheme, axe, keep_picture};
use crate::world::{KIND, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_page_follows_what_happens_and_is_accessible() {
    let axe = axe();
    let world = World::new().await;
    let browser = &world.browser;
    browser.visit(&world.worker_page).await;
    browser.shows("[role=status]", "Ready").await;
    let incident = world.incident(KIND).await;
    // Escalated, by the page's own looking again.
    let escalated = "#regions ~ div tbody tr td:nth-of-type(6)";
    browser.shows(escalated, "1").await;
    world
        .platform()
        .close(incident.id, "Resolved", "Seen to.")
        .unwrap();
    let function = "func_aws_guardduty_archive_finding";
    browser.shows("#functions ~ div th code", function).await;
    for scheme in SCHEMES {
        for width in WIDTHS {
            browser.look_like(scheme, width).await;
            browser.visit(&world.worker_page).await;
            let at = format!("the worker's page, {scheme}, {width}");
            assert_scheme(browser, scheme).await;
            let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
            assert_eq!(browser.run(wide, &[]).await, false, "too wide: {at}");
            assert_accessible(browser, &axe, &at).await;
            keep_picture(browser, &format!("worker-{scheme}-{width}")).await;
        }
    }
    world.close().await;
}
