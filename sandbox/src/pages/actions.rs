//! What is done on the pages. Each form is answered with the way back to its page.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::Pages;
use super::frame::{refusal, refused};
use super::guardduty::Asked;
use super::incident;
use super::paging::Asked as _;
use crate::aws::Aws;
use crate::soar::Refusal;

/// The menu item behind the button "Refresh Finding".
pub(super) const REFRESH_RULE: &str = "Example: AWS GuardDuty: Refresh Finding Details";

/// From which page of which incident.
type From = (Path<u64>, Query<incident::Asked>);

pub(super) async fn refresh(State(pages): State<Pages>, from: From) -> Response {
    let started = pages.platform.run_menu_rule(from.0.0, REFRESH_RULE);
    back_to(from, started)
}

#[derive(Deserialize)]
pub(super) struct Closing {
    resolution: String,
    summary: String,
}

pub(super) async fn close(
    State(pages): State<Pages>,
    from: From,
    Form(closing): Form<Closing>,
) -> Response {
    let Closing {
        resolution,
        summary,
    } = closing;
    let closed = pages.platform.close(from.0.0, &resolution, &summary);
    back_to(from, closed)
}

pub(super) async fn reopen(State(pages): State<Pages>, from: From) -> Response {
    let reopened = pages.platform.reopen(from.0.0);
    back_to(from, reopened)
}

fn back_to<T>((Path(id), Query(asked)): From, outcome: Result<T, Refusal>) -> Response {
    match outcome {
        Ok(_) => Redirect::to(&asked.address(&id.to_string())).into_response(),
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
