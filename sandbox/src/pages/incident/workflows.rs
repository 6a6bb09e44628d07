//! The "Workflow Status" tab: what the rules started, and what its functions say.

use maud::{Markup, html};

use crate::pages::words::{moment, state};
use crate::soar::{IncidentView, Platform, RunState, WorkflowRun};

pub(super) fn panel(platform: &Platform, incident: &IncidentView) -> Markup {
    let runs = platform.workflow_runs_of(incident.id);
    html! {
        h2 { "Workflow Status" }
        @if runs.is_empty() { p.empty { "No workflow has run." } }
        @for run in runs.iter().rev() { (one(run)) }
    }
}

fn one(run: &WorkflowRun) -> Markup {
    let (word, done) = match run.state {
        RunState::Running => ("Running", false),
        RunState::Completed => ("Completed", true),
        RunState::Failed => ("Failed", false),
    };
    html! {
        article.note id={ "run-" (run.id) } {
            h3 { (run.rule) " " (state(word, done)) }
            p.by {
                (run.workflow) ", started " (moment(Some(run.started)))
                @if run.finished.is_some() { ", ended " (moment(run.finished)) }
                " UTC"
            }
            @if let Some(error) = &run.error { p.refusal { (error) } }
            @if !run.messages.is_empty() {
                ul.messages { @for message in &run.messages { li { (message) } } }
            }
        }
    }
}
