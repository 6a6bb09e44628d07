//! Long runs without faults: a steady load, and more messages at once than can be worked on.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::plan::{Change, Plan};
use super::stage::{Fate, Stage};
use super::{AFTERMATH, PACE, PATIENCE};
use crate::chart::{Series, svg};
use crate::worker::{self, ARCHIVE, REFRESH, Use};

/// How often the process is looked at.
const SAMPLE: Duration = Duration::from_secs(5);
/// Findings that are current at a time under the steady load.
const CURRENT: usize = 300;

/// A steady load: findings come, change, are archived, closed, refreshed and deleted, for `minutes`. Writes a table
/// and a chart of the worker's memory and file descriptors into `folder`, and answers what was wrong.
///
/// # Errors
/// When the sandbox or the worker cannot be started, or the files not be written.
pub async fn soak(
    program: &Path,
    minutes: u64,
    folder: &Path,
    tell: impl Fn(&str),
) -> io::Result<Vec<String>> {
    let customizations = worker::customizations(program)?;
    let mut stage = Stage::set(program, &customizations, &Plan::calm(), false).await?;
    stage.publish(CURRENT);
    stage.start(0)?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs(minutes * 60);
    let mut samples = Vec::new();
    let mut turn: u64 = 0;
    while Instant::now() < end {
        stage.load(turn)?;
        stage.supervise()?;
        if turn.is_multiple_of(SAMPLE.as_secs()) {
            samples.push((begin.elapsed().as_secs_f64(), stage.workers[0].usage()?));
        }
        if turn.is_multiple_of(60) {
            let (_, now) = samples[samples.len() - 1];
            let (resident, files) = (now.resident_kb / 1024, now.files);
            let minute = turn / 60;
            tell(&format!(
                "minute {minute:>3}  {resident} MB, {files} file descriptors"
            ));
        }
        turn += 1;
        tokio::time::sleep_until(begin + Duration::from_secs(turn)).await;
    }
    let mut wrong = settled(&mut stage).await?;
    wrong.extend(growth(&samples));
    write_samples(&samples, folder)?;
    stage.down().await;
    Ok(wrong)
}

/// So many function messages on the queue before the worker starts: all are answered. Answers what was wrong and
/// the worker's peak memory in kilobytes.
///
/// # Errors
/// When the sandbox or the worker cannot be started.
pub async fn overload(program: &Path, messages: usize) -> io::Result<(Vec<String>, u64)> {
    let customizations = worker::customizations(program)?;
    let mut stage = Stage::set(program, &customizations, &Plan::calm(), false).await?;
    stage.publish(200);
    stage.start(0)?;
    let mut wrong = settled(&mut stage).await?;
    let ids = stage.invoke(messages)?;
    stage.start(0)?;
    let platform = stage.sandbox.platform().clone();
    let answered = || {
        ids.iter()
            .filter(|id| platform.final_reply(id).is_some())
            .count()
    };
    let (mut last, mut since) = (0, Instant::now());
    while last < messages && since.elapsed() < PATIENCE {
        tokio::time::sleep(PACE).await;
        let now = answered();
        if now > last {
            (last, since) = (now, Instant::now());
        }
    }
    if last < messages {
        wrong.push(format!(
            "{} of {messages} messages have no answer",
            messages - last
        ));
    }
    let failed = |id: &&String| {
        platform
            .final_reply(id)
            .is_some_and(|reply| reply.message_type == 1)
    };
    let failed = ids.iter().filter(failed).count();
    if failed > 0 {
        wrong.push(format!("{failed} messages are answered with an error"));
    }
    let peak = stage.workers[0].usage()?.peak_kb;
    tokio::time::sleep(AFTERMATH).await;
    stage.stop(0).await?;
    wrong.extend(stage.left_on_queue());
    stage.down().await;
    Ok((wrong, peak))
}

/// Waits until everything is as it must be, and ends the worker.
async fn settled(stage: &mut Stage) -> io::Result<Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    while !stage.check()?.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(PACE).await;
    }
    stage.stop(0).await?;
    stage.check()
}

impl Stage {
    /// A second of the steady load.
    fn load(&mut self, turn: u64) -> io::Result<()> {
        // Numbers that hop about among the findings.
        let pick = turn.wrapping_mul(2_654_435_761);
        self.change(Change::Update, &[pick])?;
        match turn % 4 {
            0 => self.change(Change::Archive, &[pick / 3])?,
            1 => self.change(Change::Close, &[pick / 5])?,
            2 => self.change(Change::Refresh, &[pick / 7])?,
            _ => {}
        }
        let current = |fate| fate == Fate::Current;
        let now = self.tracked.values().filter(|t| current(t.fate)).count();
        self.publish(CURRENT.saturating_sub(now));
        Ok(())
    }

    /// Puts messages on the queue, refreshes and archives by turns, of all findings in turn.
    fn invoke(&self, messages: usize) -> io::Result<Vec<String>> {
        let mut ids = Vec::with_capacity(messages);
        let findings: Vec<_> = self.tracked.iter().collect();
        for (number, (id, tracked)) in findings.iter().cycle().take(messages).enumerate() {
            let function = if number.is_multiple_of(2) {
                REFRESH
            } else {
                ARCHIVE
            };
            let inputs = json!({
                "aws_gd_region": tracked.region,
                "aws_gd_detector_id": self.sandbox.aws().detector_id(tracked.region),
                "aws_gd_finding_id": id,
                "incident_id": self.open_incident(id),
            });
            let published = self
                .sandbox
                .platform()
                .publish_invocation(function, &inputs);
            ids.push(published.map_err(|refusal| io::Error::other(refusal.to_string()))?);
        }
        Ok(ids)
    }

    fn left_on_queue(&self) -> Option<String> {
        let left = self.broker.queue_depth(&self.queue()) + self.broker.unacked(&self.queue());
        (left > 0).then(|| format!("{left} messages are left on the queue"))
    }
}

/// The last quarter may take little more than the second: what grows and grows is a leak.
fn growth(samples: &[(f64, Use)]) -> Vec<String> {
    let quarter = samples.len() / 4;
    if quarter == 0 {
        return vec!["too few samples".to_owned()];
    }
    let median = |part: &[(f64, Use)], value: fn(&Use) -> u64| {
        let mut values: Vec<u64> = part.iter().map(|(_, sample)| value(sample)).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let (early, late) = (&samples[quarter..2 * quarter], &samples[3 * quarter..]);
    let mut wrong = Vec::new();
    let mut compare = |name: &str, value: fn(&Use) -> u64, slack: u64| {
        let (early, late) = (median(early, value), median(late, value));
        if late > early + early / 10 + slack {
            wrong.push(format!("{name} grew from {early} to {late}"));
        }
    };
    compare("resident memory (kB)", |sample| sample.resident_kb, 0);
    compare("file descriptors", |sample| sample.files, 4);
    wrong
}

fn write_samples(samples: &[(f64, Use)], folder: &Path) -> io::Result<()> {
    let lines = samples
        .iter()
        .map(|(time, sample)| format!("{time:.0},{},{}\n", sample.resident_kb, sample.files));
    let table: String = std::iter::once("seconds,resident_kb,file_descriptors\n".to_owned())
        .chain(lines)
        .collect();
    std::fs::write(path(folder, "csv"), table)?;
    let series = |name: &str, value: fn(&Use) -> f64| Series {
        name: name.to_owned(),
        points: samples
            .iter()
            .map(|(time, sample)| (*time, value(sample)))
            .collect(),
    };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let chart = svg(
        "The worker under a steady load",
        &[
            series("resident memory, MB", |sample| {
                sample.resident_kb as f64 / 1024.0
            }),
            series("file descriptors", |sample| sample.files as f64),
        ],
    );
    std::fs::write(path(folder, "svg"), chart)
}

fn path(folder: &Path, extension: &str) -> PathBuf {
    folder.join("soak").with_extension(extension)
}
