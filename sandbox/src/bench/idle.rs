//! A cycle in which nothing happens.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::BenchOptions;
use super::report::median;
use super::stage::{Scene, Stage};

/// From the end of a cycle to the begin of the next.
const INTERVAL: Duration = Duration::from_secs(5);
/// Cycles of each region that are measured, at least.
const CYCLES: usize = 5;
/// How often it is looked whether they are over.
const PACE: Duration = Duration::from_secs(1);

/// What a cycle takes in which nothing happens.
#[derive(Debug, Clone, Serialize)]
pub struct Idle {
    /// Open incidents, all of unarchived findings.
    pub incidents: usize,
    /// Regions that they are in.
    pub regions: usize,
    /// From the begin of a region's cycle to its end, the median.
    pub seconds: f64,
    /// Calls by side and kind for one cycle of all regions.
    pub calls: BTreeMap<String, f64>,
    /// Processor time of the worker for one cycle of all regions.
    pub processor_milliseconds: f64,
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "An idle cycle with {} open incidents in {} regions: {:.2} s a region, processor {:.0} ms, {:.0} calls:\n",
            self.incidents,
            self.regions,
            self.seconds,
            self.processor_milliseconds,
            self.calls.values().sum::<f64>()
        )?;
        for (kind, count) in &self.calls {
            writeln!(f, "- {count:.1} {kind}")?;
        }
        Ok(())
    }
}

/// Has so many findings escalated, and then looks on.
pub(super) async fn measure(options: &BenchOptions) -> io::Result<Idle> {
    let scene = Scene {
        interval: INTERVAL,
        // The ends of cycles are told at this level.
        log: "DEBUG",
        ..Scene::of(options)
    };
    let mut stage = Stage::set(options, scene).await?;
    let regions = options.regions;
    let published = stage.publish(options, options.idle);
    let names: Vec<&str> = published.iter().map(|(region, _)| *region).collect();
    stage.start().await?;
    stage.escalated(options.idle).await?;
    // What was read within seconds of its update is read once more.
    stage.cycles(&names, 3).await;
    stage.sandbox.calls().clear();
    let (begin, before) = (Timestamp::now(), stage.worker.usage()?.processor);
    stage.cycles(&names, CYCLES).await;
    let processor = stage.worker.usage()?.processor.saturating_sub(before);
    let counts = stage.sandbox.calls().counts();
    let ends = stage.cycle_ends(&names, begin);
    let ended: usize = ends.values().map(Vec::len).sum();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let per_cycle = |count: f64| count * regions as f64 / ended as f64;
    let gaps = ends.values().flat_map(|ends| ends.windows(2));
    let seconds =
        gaps.map(|gap| gap[1].duration_since(gap[0]).as_secs_f64() - INTERVAL.as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let idle = Idle {
        incidents: options.idle,
        regions,
        seconds: median(seconds),
        calls: counts
            .into_iter()
            .map(|((side, kind), count)| (format!("{side} {kind}"), per_cycle(count as f64)))
            .collect(),
        processor_milliseconds: per_cycle(processor.as_secs_f64() * 1000.0),
    };
    stage.strike().await?;
    Ok(idle)
}

impl Stage {
    /// Waits until each of these regions has ended so many more cycles.
    async fn cycles(&self, regions: &[&str], count: usize) {
        let begin = Timestamp::now();
        loop {
            let ends = self.cycle_ends(regions, begin);
            if ends.values().all(|ends| ends.len() >= count) {
                return;
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// When cycles of these regions ended since, by the worker's log.
    fn cycle_ends<'a>(
        &self,
        regions: &[&'a str],
        since: Timestamp,
    ) -> BTreeMap<&'a str, Vec<Timestamp>> {
        let mut ends: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
        for region in regions {
            ends.entry(region).or_default();
        }
        for line in self.worker.log().lines() {
            let Ok(entry) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let message = entry["message"].as_str().unwrap_or_default();
            let region = message
                .strip_prefix("cycle of ")
                .and_then(|rest| rest.strip_suffix(" ended"));
            let at: Option<Timestamp> = entry["timestamp"].as_str().and_then(|at| at.parse().ok());
            if let (Some(region), Some(at)) = (region, at.filter(|at| *at >= since))
                && let Some(ends) = ends.get_mut(region)
            {
                ends.push(at);
            }
        }
        ends
    }
}
