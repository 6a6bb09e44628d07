//! What is done on the pages. Each form is answered with the way back to its page.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::Pages;
use super::frame::{refusal, refused};
use super::guardduty::Asked;
use super::paging::Asked as _;
use crate::aws::Aws;
use crate::soar::Refusal;

/// The menu item behind the button "Refresh Finding".
pub(super) const REFRESH_RULE: &str = "Example: AWS GuardDuty: Refresh Finding Details";

pub(super) async fn refresh(State(pages): State<Pages>, Path(id): Path<u64>) -> Response {
    let started = pages.platform.run_menu_rule(id, REFRESH_RULE);
    back_to(id, started)
}

#[derive(Deserialize)]
pub(super) struct Closing {
    resolution: String,
    summary: String,
}

pub(super) async fn close(
    State(pages): State<Pages>,
    Path(id): Path<u64>,
    Form(closing): Form<Closing>,
) -> Response {
    let closed = pages
        .platform
        .close(id, &closing.resolution, &closing.summary);
    back_to(id, closed)
}

pub(super) async fn reopen(State(pages): State<Pages>, Path(id): Path<u64>) -> Response {
    back_to(id, pages.platform.reopen(id))
}

fn back_to<T>(id: u64, outcome: Result<T, Refusal>) -> Response {
    match outcome {
        Ok(_) => Redirect::to(&format!("/incidents/{id}")).into_response(),
        Err(refusal) => refused(&refusal),
    }
}

#[derive(Deserialize)]
pub(super) struct Samples {
    region: String,
    /// Empty for one of every type.
    kind: String,
}

pub(super) async fn create_samples(
    State(pages): State<Pages>,
    Form(samples): Form<Samples>,
) -> Response {
    let Samples { region, kind } = samples;
    let kinds = Aws::sample_kinds();
    if pages.aws.detector_id(&region).is_none() {
        return refusal(
            StatusCode::NOT_FOUND,
            "There is no detector in this region.",
        );
    }
    match kinds.iter().find(|known| **known == kind) {
        Some(kind) => {
            pages.aws.create_sample(&region, kind);
        }
        None if kind.is_empty() => {
            pages.aws.create_samples(&region, kinds.len());
        }
        None => return refusal(StatusCode::BAD_REQUEST, "There is no such type of samples."),
    }
    Redirect::to(&Asked::of(region).address()).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Update,
    Archive,
    Unarchive,
    Delete,
}

#[derive(Deserialize)]
pub(super) struct OnFinding {
    finding: String,
    action: Action,
    region: String,
    /// The address of the list that the button was in.
    list: String,
}

pub(super) async fn act_on_finding(
    State(pages): State<Pages>,
    Form(form): Form<OnFinding>,
) -> Response {
    let (aws, region, id) = (&pages.aws, &form.region, &form.finding);
    let there = match form.action {
        Action::Update => aws.update_finding(region, id),
        Action::Archive => aws.archive(region, id),
        Action::Unarchive => aws.unarchive(region, id),
        Action::Delete => aws.delete(region, id),
    };
    if !there {
        return refusal(StatusCode::NOT_FOUND, "There is no such finding any more.");
    }
    Redirect::to(&Asked::read(&form.list).address()).into_response()
}
