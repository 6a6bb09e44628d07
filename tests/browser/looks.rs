//! Every page in both colour schemes and at both widths: nothing breaks, nothing is hard to read or to reach.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::chromium::Chromium;
use crate::worker_process::{PATIENCE, REGION};
use crate::world::{KIND, World};

pub(crate) const SCHEMES: [&str; 2] = ["light", "dark"];
pub(crate) const WIDTHS: [u32; 2] = [1280, 390];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_accessible_and_quiet() {
    let axe = axe();
    let (world, id) = world_with_everything().await;
    let browser = &world.browser;
    let tabs = ["details", "notes", "artifacts", "guardduty", "workflows"];
    let tabs = tabs.map(|tab| {
        (
            format!("incident-{tab}"),
            format!("/incidents/{id}?tab={tab}"),
        )
    });
    let mut pages = vec![
        ("incidents".to_owned(), "/?order=ascending".to_owned()),
        (
            "guardduty".to_owned(),
            "/guardduty?region=us-east-1".to_owned(),
        ),
    ];
    pages.extend(tabs);
    for scheme in SCHEMES {
        for width in WIDTHS {
            browser.look_like(scheme, width).await;
            for (name, path) in &pages {
                let at = format!("{path}, {scheme}, {width}");
                browser.go(path).await;
                assert_scheme(browser, scheme).await;
                assert_fits(browser, &at).await;
                assert_accessible(browser, &axe, &at).await;
                keep_picture(browser, &format!("{name}-{scheme}-{width}")).await;
            }
        }
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_refuses_is_accessible_as_well() {
    let axe = axe();
    let world = World::new().await;
    let browser = &world.browser;
    browser.go("/incidents/7").await;
    browser
        .shows("[role=alert]", "There is no incident 7.")
        .await;
    assert_accessible(browser, &axe, "the refusal").await;
    let complaints = browser.complaints().await;
    assert!(
        complaints.iter().all(|text| text.contains("404")),
        "{complaints:?}"
    );
    world.close().await;
}

/// Incidents of all kinds, one of them refreshed and closed.
async fn world_with_everything() -> (World, u64) {
    let world = World::new().await;
    let incident = world.incident(KIND).await;
    let finding = incident.property("aws_guardduty_finding_id").unwrap();
    world.aws().create_samples(REGION, 28);
    world.aws().update_finding(REGION, finding);
    let platform = world.platform();
    let refreshed = platform.wait_for(
        |p| p.incident(incident.id).unwrap().notes.len() == 3,
        PATIENCE,
    );
    assert!(refreshed.await, "it is refreshed");
    platform.close(incident.id, "Resolved", "Seen to.").unwrap();
    let all = platform.wait_for(
        |p| p.incident_count() == 29 && p.incident(incident.id).unwrap().notes.len() == 4,
        PATIENCE,
    );
    assert!(all.await, "all are there");
    (world, incident.id)
}

pub(crate) async fn assert_scheme(browser: &Chromium, scheme: &str) {
    let ground =
        "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)";
    let ground: Vec<u32> = serde_json::from_value(browser.run(ground, &[]).await).unwrap();
    let bright = ground.iter().take(3).sum::<u32>() > 3 * 128;
    assert_eq!(bright, scheme == "light", "{ground:?}");
}

/// Nothing is wider than the view. Only data tables, which have up to 21 columns, may be scrolled in a wide one.
async fn assert_fits(browser: &Chromium, at: &str) {
    let wide = "const view = document.documentElement.clientWidth;
        const inScroll = e => e.parentElement.closest('[id^=gd_]') !== null && view > 800;
        return [...document.querySelectorAll('body *')]
            .filter(e => e.checkVisibility() && !inScroll(e) && !e.closest('.skip'))
            .filter(e => e.getBoundingClientRect().right > view + 1)
            .map(e => e.outerHTML.slice(0, 120))
            .concat(document.documentElement.scrollWidth > view ? ['the page itself'] : [])";
    let wide = browser.run(wide, &[]).await;
    assert_eq!(
        wide.as_array().map(Vec::len),
        Some(0),
        "too wide at {at}: {wide:#}"
    );
}

pub(crate) async fn assert_accessible(browser: &Chromium, axe: &str, at: &str) {
    browser.run(axe, &[]).await;
    let run = "const done = arguments[arguments.length - 1];
        axe.run(document, {resultTypes: ['violations']}).then(
            result => done({version: axe.version, passed: result.passes.length, found: result.violations.map(v => (
                {id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html + ' ' + n.failureSummary)}))}),
            error => done(String(error)))";
    let result = browser.run_async(run).await;
    assert!(
        result["passed"].as_u64() > Some(10),
        "axe ran at {at}: {result}"
    );
    let found = result["found"].as_array().unwrap().iter();
    let grave =
        |fault: &&Value| ["serious", "critical"].contains(&fault["impact"].as_str().unwrap());
    let grave: Vec<&Value> = found.filter(grave).collect();
    assert!(grave.is_empty(), "at {at}: {grave:#?}");
}

/// axe-core, which is not ours to pass on.
pub(crate) fn axe() -> String {
    let file = std::env::var_os("AXE_JS").expect(
        "AXE_JS names axe.min.js of axe-core: `pip install --no-deps axe-playwright-python` brings one, as tests/all.sh does",
    );
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("AXE_JS {}: {error}", file.display()))
}

/// Writes a picture of the page into the folder that `SCREENSHOTS` names, where it names one.
pub(crate) async fn keep_picture(browser: &Chromium, name: &str) {
    let Some(folder) = std::env::var_os("SCREENSHOTS") else {
        return;
    };
    let picture = BASE64_STANDARD.decode(browser.picture().await).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
}
