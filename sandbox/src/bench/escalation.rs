//! Findings to incidents, from nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::Serialize;

use super::BenchOptions;
use super::stage::{Scene, Stage};
use crate::calls::{Call, Side};
use crate::chart::{Series, svg};

/// One escalation of so many findings.
#[derive(Debug, Clone, Serialize)]
pub struct Escalation {
    /// How many.
    pub findings: usize,
    /// From the first write's start to the last one's end.
    pub seconds: f64,
    /// What the round trips alone take: (creates + rows + queries) × latency / permits.
    pub floor_seconds: f64,
    /// The one by the other.
    pub ratio: f64,
    /// From the start of the worker to the end of the last write.
    pub seconds_from_start: f64,
    /// Processor time of the worker, all in all.
    pub processor_seconds: f64,
    /// The most memory that the worker ever had.
    pub peak_kb: u64,
    /// Threads of the worker.
    pub threads: u64,
    /// Calls by side and kind.
    pub calls: BTreeMap<String, usize>,
    /// Seconds since the start, incidents made by then, and SOAR calls under way.
    #[serde(skip)]
    pub course: Vec<(f64, usize, usize)>,
}

impl Escalation {
    /// Incidents and calls under way over the time, as SVG.
    pub fn chart(&self) -> String {
        let series = |name: &str, value: fn(&(f64, usize, usize)) -> usize| Series {
            name: name.to_owned(),
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            points: self
                .course
                .iter()
                .map(|point| (point.0, value(point) as f64))
                .collect(),
        };
        let title = format!("{} findings, seconds since the start", self.findings);
        svg(
            &title,
            &[
                series("incidents made", |point| point.1),
                series("SOAR calls under way", |point| point.2),
            ],
        )
    }
}

impl fmt::Display for Escalation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} findings in {:.2} s, {:.2} × the floor; processor {:.2} s, peak {} MB",
            self.findings,
            self.seconds,
            self.ratio,
            self.processor_seconds,
            self.peak_kb / 1024
        )
    }
}

/// Escalates so many findings in a new sandbox by a new worker.
pub(super) async fn measure(options: &BenchOptions, findings: usize) -> io::Result<Escalation> {
    let mut stage = Stage::set(options, Scene::of(options)).await?;
    stage.publish(options, findings);
    stage.start().await?;
    stage.escalated(findings).await?;
    let usage = stage.worker.usage()?;
    let calls = stage.sandbox.calls();
    let all = calls.all();
    let (first, last) = span(&all);
    let seconds = last - first;
    let writes = all.iter().filter(|call| is_write(call)).count();
    let queries = calls.count(Side::Soar, "POST /incidents/query");
    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    let round_trips = (writes + queries) as f64;
    let floor_seconds =
        round_trips * options.soar_latency.as_secs_f64() / f64::from(options.permits.max(1));
    let counts = calls.counts().into_iter();
    let started = all.iter().map(|call| call.started.as_secs_f64());
    let begin = started.fold(f64::INFINITY, f64::min);
    let escalation = Escalation {
        findings,
        seconds,
        floor_seconds,
        ratio: seconds / floor_seconds,
        seconds_from_start: last - begin,
        processor_seconds: usage.processor.as_secs_f64(),
        peak_kb: usage.peak_kb,
        threads: usage.threads,
        calls: counts
            .map(|((side, kind), count)| (format!("{side} {kind}"), count))
            .collect(),
        course: course(&all, begin),
    };
    stage.strike().await?;
    Ok(escalation)
}

/// At most so many points, evenly spread over the calls.
const POINTS: usize = 500;

fn course(calls: &[Call], begin: f64) -> Vec<(f64, usize, usize)> {
    let soar = |call: &&Call| call.side == Side::Soar;
    let mut calls: Vec<&Call> = calls.iter().filter(soar).collect();
    calls.sort_by_key(|call| call.started);
    let every = calls.len().div_ceil(POINTS).max(1);
    let (mut made, mut course) = (0, Vec::new());
    for (number, call) in calls.iter().enumerate() {
        made += usize::from(call.kind == "POST /incidents");
        if number.is_multiple_of(every) {
            let time = call.started.as_secs_f64() - begin;
            course.push((time, made, call.concurrency));
        }
    }
    course
}

/// When the first write began and the last one ended, in seconds.
fn span(calls: &[Call]) -> (f64, f64) {
    let writes = calls.iter().filter(|call| is_write(call));
    writes.fold((f64::INFINITY, 0.0), |(first, last), call| {
        let begin = call.started.as_secs_f64();
        let end = (call.started + call.duration).as_secs_f64();
        (f64::min(first, begin), f64::max(last, end))
    })
}

fn is_write(call: &Call) -> bool {
    call.side == Side::Soar && (call.kind == "POST /incidents" || call.kind.ends_with("/row_data"))
}
