//! Functions: what the worker adds to the calls that they make, and how many it runs a second.

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::BenchOptions;
use super::report::at;
use super::stage::{Scene, Stage};
use crate::Sandbox;
use crate::calls::{Call, Calls};
use crate::soar::{Platform, Reply};
use crate::worker::{ARCHIVE, REFRESH};

const PATIENCE: Duration = Duration::from_mins(1);

/// Calls of one function, one after another.
#[derive(Debug, Clone, Serialize)]
pub struct Functions {
    /// Its name.
    pub function: String,
    /// From the message to the final answer, in milliseconds: half, 95 and 99 of 100 took no longer.
    pub milliseconds: [f64; 3],
    /// The same without the time in which a call to SOAR or AWS was under way.
    pub added_milliseconds: [f64; 3],
    /// Processor time of the worker by call; not known of the bare client, which has no process of its own.
    pub processor_milliseconds: Option<f64>,
}

/// Calls that were on the queue at once.
#[derive(Debug, Clone, Serialize)]
pub struct Burst {
    /// How many.
    pub calls: usize,
    /// From the first message to the last final answer.
    pub seconds: f64,
    /// Calls a second.
    pub rate: f64,
    /// What the permits allow: permits / (2 × SOAR latency).
    pub most: f64,
}

/// Refreshes, then archives, of one finding, each when the one before it is answered; and the last answer of each.
pub(super) async fn one_after_another(
    options: &BenchOptions,
) -> io::Result<(Vec<Functions>, Vec<Reply>)> {
    let mut stage = Stage::set(options, Scene::of(options)).await?;
    let inputs = stage.incidents(options, 1).await?.remove(0);
    let (mut measured, mut answers) = (Vec::new(), Vec::new());
    for function in [REFRESH, ARCHIVE] {
        let before = stage.worker.usage()?.processor;
        let (sandbox, calls) = (&stage.sandbox, stage.sandbox.calls());
        let course = Course::run(sandbox, calls, function, &inputs, options.calls).await;
        let mut course = course.map_err(|error| stage.failed(&error))?;
        answers.extend(course.last.take());
        let processor = stage.worker.usage()?.processor.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
        let calls = options.calls as f64;
        measured.push(course.of(function, Some(milliseconds(processor) / calls)));
    }
    stage.strike().await?;
    Ok((measured, answers))
}

/// What each of the calls took, and what of it was not a call to SOAR or AWS; in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Course {
    times: Vec<f64>,
    added: Vec<f64>,
    last: Option<Reply>,
}

impl Course {
    /// Puts a message on the queue each time the one before it is answered; `calls` are those that the function makes.
    pub(super) async fn run(
        sandbox: &Sandbox,
        calls: &Calls,
        function: &str,
        inputs: &Value,
        count: usize,
    ) -> io::Result<Self> {
        let mut course = Self::default();
        for _ in 0..count {
            calls.clear();
            let begin = Instant::now();
            let id = invoke(sandbox, function, inputs)?;
            answered(sandbox, std::slice::from_ref(&id)).await?;
            let took = begin.elapsed();
            course.last = Some(success(sandbox, &id)?);
            course.times.push(milliseconds(took));
            let waited = under_way(calls.all());
            course.added.push(milliseconds(took.saturating_sub(waited)));
        }
        Ok(course)
    }

    pub(super) fn of(mut self, function: &str, processor_milliseconds: Option<f64>) -> Functions {
        Functions {
            function: function.to_owned(),
            milliseconds: [0.5, 0.95, 0.99].map(|part| at(&mut self.times, part)),
            added_milliseconds: [0.5, 0.95, 0.99].map(|part| at(&mut self.added, part)),
            processor_milliseconds,
        }
    }
}

/// Refreshes of as many findings, all on the queue at once.
pub(super) async fn at_once(options: &BenchOptions) -> io::Result<Burst> {
    let mut stage = Stage::set(options, Scene::of(options)).await?;
    let calls = options.at_once;
    let inputs = stage.incidents(options, calls).await?;
    let begin = Instant::now();
    let ids: Vec<String> = inputs
        .iter()
        .map(|inputs| invoke(&stage.sandbox, REFRESH, inputs))
        .collect::<io::Result<_>>()?;
    let answers = answered(&stage.sandbox, &ids).await;
    answers.map_err(|error| stage.failed(&error))?;
    let seconds = begin.elapsed().as_secs_f64();
    let all = ids
        .iter()
        .try_for_each(|id| success(&stage.sandbox, id).map(drop));
    all.map_err(|error| stage.failed(&error))?;
    stage.strike().await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    let rate = calls as f64 / seconds;
    let most = f64::from(options.permits) / (2.0 * options.soar_latency.as_secs_f64());
    Ok(Burst {
        calls,
        seconds,
        rate,
        most,
    })
}

impl Stage {
    /// Has so many findings escalated; answers the inputs of a function for each.
    async fn incidents(&mut self, options: &BenchOptions, count: usize) -> io::Result<Vec<Value>> {
        let published = self.publish(options, count);
        self.start().await?;
        self.escalated(count).await?;
        let platform = self.sandbox.platform();
        let inputs = published.iter().map(|(region, finding)| {
            let incident = platform.incident_for_finding(finding);
            json!({
                "aws_gd_region": region,
                "aws_gd_detector_id": self.sandbox.aws().detector_id(region),
                "aws_gd_finding_id": finding,
                "incident_id": incident.first().map(|incident| incident.id),
            })
        });
        Ok(inputs.collect())
    }
}

fn invoke(sandbox: &Sandbox, function: &str, inputs: &Value) -> io::Result<String> {
    let published = sandbox.platform().publish_invocation(function, inputs);
    published.map_err(|refusal| io::Error::other(refusal.to_string()))
}

/// Waits until all are answered.
async fn answered(sandbox: &Sandbox, ids: &[String]) -> io::Result<()> {
    let all = |platform: &Platform| ids.iter().all(|id| platform.is_answered(id));
    if sandbox.platform().wait_for(all, PATIENCE).await {
        Ok(())
    } else {
        Err(io::Error::other("an answer did not come"))
    }
}

/// The answer, if it tells no error.
fn success(sandbox: &Sandbox, id: &str) -> io::Result<Reply> {
    match sandbox.platform().final_reply(id) {
        Some(reply) if reply.message_type != 1 => Ok(reply),
        reply => Err(io::Error::other(format!("a function failed: {reply:?}"))),
    }
}

/// For how long at least one of the calls was under way.
fn under_way(mut calls: Vec<Call>) -> Duration {
    calls.sort_by_key(|call| call.started);
    let (mut sum, mut end) = (Duration::ZERO, Duration::ZERO);
    for call in calls {
        let until = call.started + call.duration;
        sum += until.saturating_sub(call.started.max(end));
        end = end.max(until);
    }
    sum
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Side;

    #[test]
    fn calls_side_by_side_count_once() {
        let call = |started, duration| Call {
            side: Side::Soar,
            kind: String::new(),
            status: None,
            started: Duration::from_millis(started),
            duration: Duration::from_millis(duration),
            concurrency: 1,
        };
        let calls = vec![call(50, 10), call(0, 20), call(10, 30), call(15, 5)];
        assert_eq!(under_way(calls), Duration::from_millis(50));
    }
}
