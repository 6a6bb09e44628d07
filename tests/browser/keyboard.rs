//! Everything without a mouse.

use serde_json::json;
use thirtyfour::Key;

use crate::chromium::Chromium;
use crate::world::World;

/// Presses Tab until an element has the focus; fails when the focus comes round without it.
async fn tab_to(browser: &Chromium, css: &str) {
    for _ in 0..60 {
        let here = "return document.activeElement.matches(arguments[0])";
        if browser.run(here, &[json!(css)]).await == true {
            assert_outlined(browser, css).await;
            return;
        }
        browser.press(Key::Tab).await;
    }
    panic!("Tab does not lead to {css}");
}

async fn assert_outlined(browser: &Chromium, css: &str) {
    let outline = "const style = getComputedStyle(document.activeElement);
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2";
    assert_eq!(
        browser.run(outline, &[]).await,
        true,
        "{css} shows its focus"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_opened_refreshed_and_closed_by_keys() {
    let (world, id) = World::at_an_incident().await;
    let browser = &world.browser;
    browser.go("/").await;
    tab_to(browser, ".skip").await;
    browser.press(Key::Enter).await;
    tab_to(browser, "#list td.name a").await;
    browser.press(Key::Enter).await;
    browser.shows(".path", &id.to_string()).await;

    tab_to(browser, "#refresh").await;
    browser.press(Key::Enter).await;
    browser.shows("#tab-notes", "Notes 3").await;
    let focus = "return document.activeElement.id";
    assert_eq!(browser.run(focus, &[]).await, "refresh", "the focus stays");
    tab_to(browser, "#tab-notes").await;
    browser.press(Key::Enter).await;
    browser.shows("h2", "Notes").await;
    tab_to(browser, "#json-0 > summary").await;
    browser.press(Key::Space).await;
    browser.shows(".json", "\"Id\"").await;

    browser.go(&format!("/incidents/{id}")).await;
    tab_to(browser, "#close > summary").await;
    browser.press(Key::Enter).await;
    tab_to(browser, "#summary").await;
    browser.press("seen to").await;
    tab_to(browser, "#confirm").await;
    browser.press(Key::Enter).await;
    browser.shows(".facts", "Closed").await;
    world.close().await;
}
