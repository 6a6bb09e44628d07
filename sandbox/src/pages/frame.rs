//! What all pages have around them.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use crate::soar::Refusal;

/// The pages in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Incidents,
    GuardDuty,
    Elsewhere,
}

/// A whole page. `state` says in a few words what there is to see: the script tells it when it has become another one.
pub(super) fn page(title: &str, place: Place, state: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Simulated SOAR" }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
                script src="/live.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" { "Simulated SOAR" }
                    nav aria-label="Pages" {
                        (entry("/", "Incidents", place == Place::Incidents))
                        (entry("/guardduty", "GuardDuty", place == Place::GuardDuty))
                    }
                    p #news role="status" {}
                }
                main #main tabindex="-1" data-state=(state) { (content) }
            }
        }
    }
}

fn entry(target: &str, text: &str, current: bool) -> Markup {
    html! { a href=(target) aria-current=[current.then_some("page")] { (text) } }
}

/// A page that says why not.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response {
    let content = html! {
        h1 { (status.canonical_reason().unwrap_or("Refused")) }
        p.refusal role="alert" { (why) }
        p { a href="/" { "To the incidents" } }
    };
    (status, page("Refused", Place::Elsewhere, "", &content)).into_response()
}

/// A refusal of the platform as a page.
pub(super) fn refused(refusal_of: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal_of.status).unwrap_or(StatusCode::BAD_REQUEST);
    refusal(
        status,
        &format!("The platform refuses: {}.", refusal_of.message),
    )
}

pub(super) async fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "There is no such page.")
}
