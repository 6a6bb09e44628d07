//! What was measured, as a table and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;

use serde::Serialize;

use super::BenchOptions;
use super::bare;
use super::escalation::Escalation;
use super::functions::{Burst, Functions};
use super::idle::Idle;

/// Where it was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's name, as Linux has it.
    pub processor: String,
    /// How many there are.
    pub processors: usize,
    /// Megabytes of memory.
    pub memory_mb: u64,
    /// The kernel.
    pub kernel: String,
}

impl Machine {
    pub(super) fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            value.map(|(_, value)| value.trim().to_owned())
        };
        let memory = value(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kb = memory.split(' ').next().and_then(|kb| kb.parse().ok());
        Self {
            processor: value(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mb: kb.unwrap_or(0) / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When, to the second.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// Regions that findings were in.
    pub regions: usize,
    /// What each SOAR call took.
    pub soar_latency_milliseconds: f64,
    /// What each AWS call took.
    pub aws_latency_milliseconds: f64,
    /// SOAR calls at a time.
    pub permits: u32,
    /// Seconds from the start to the subscription, by run.
    pub starts: Vec<f64>,
    /// By run and size.
    pub escalations: Vec<Escalation>,
    /// By run and function.
    pub functions: Vec<Functions>,
    /// By run.
    pub bursts: Vec<Burst>,
    /// A cycle in which nothing happened.
    pub idle: Option<Idle>,
}

impl Report {
    pub(super) fn new(machine: Machine, options: &BenchOptions) -> Self {
        Self {
            date: format!("{:.0}", jiff::Timestamp::now()),
            machine,
            regions: options.regions,
            soar_latency_milliseconds: options.soar_latency.as_secs_f64() * 1000.0,
            aws_latency_milliseconds: options.aws_latency.as_secs_f64() * 1000.0,
            permits: options.permits,
            starts: Vec::new(),
            escalations: Vec::new(),
            functions: Vec::new(),
            bursts: Vec::new(),
            idle: None,
        }
    }

    /// The course of the last run of each size: the size, and the chart.
    pub fn charts(&self) -> Vec<(usize, String)> {
        let last = self.sizes().into_iter();
        last.filter_map(|(findings, runs)| Some((findings, runs.last()?.chart())))
            .collect()
    }

    fn sizes(&self) -> BTreeMap<usize, Vec<&Escalation>> {
        let mut sizes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for escalation in &self.escalations {
            sizes
                .entry(escalation.findings)
                .or_default()
                .push(escalation);
        }
        sizes
    }
}

/// Medians over the runs, as Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            processor,
            processors,
            memory_mb,
            kernel,
        } = &self.machine;
        writeln!(
            f,
            "{} on {processors} × {processor}, {memory_mb} MB, Linux {kernel}.",
            self.date
        )?;
        writeln!(
            f,
            "SOAR {} ms, AWS {} ms a call, {} permits, {} regions; medians of {} runs.\n",
            self.soar_latency_milliseconds,
            self.aws_latency_milliseconds,
            self.permits,
            self.regions,
            self.starts.len()
        )?;
        if !self.starts.is_empty() {
            let start = median(self.starts.iter().copied());
            writeln!(f, "Start to subscribed, all on loopback: {start:.3} s\n")?;
        }
        self.write_escalations(f)?;
        self.write_functions(f)?;
        let Some(idle) = &self.idle else {
            return Ok(());
        };
        writeln!(f, "\n{idle}")
    }
}

impl Report {
    fn write_escalations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(last) = self.escalations.last() else {
            return Ok(());
        };
        writeln!(
            f,
            "| findings | seconds | floor | ratio | processor, µs a finding | peak memory, MB | threads |\n\
             | --- | --- | --- | --- | --- | --- | --- |"
        )?;
        for (findings, runs) in self.sizes() {
            let of = |value: fn(&Escalation) -> f64| median(runs.iter().map(|run| value(run)));
            #[expect(clippy::cast_precision_loss, reason = "small figures")]
            let (count, peak, threads) = (
                findings as f64,
                of(|run| run.peak_kb as f64) / 1024.0,
                of(|run| run.threads as f64),
            );
            writeln!(
                f,
                "| {findings} | {:.2} | {:.2} | {:.2} | {:.0} | {peak:.1} | {threads:.0} |",
                of(|run| run.seconds),
                of(|run| run.floor_seconds),
                of(|run| run.ratio),
                of(|run| run.processor_seconds) * 1e6 / count,
            )?;
        }
        writeln!(f, "\nCalls for {} findings:\n", last.findings)?;
        for (kind, count) in &last.calls {
            writeln!(f, "- {count} {kind}")?;
        }
        Ok(())
    }

    fn runs_of(&self, function: &str) -> impl Iterator<Item = &Functions> {
        self.functions
            .iter()
            .filter(move |run| run.function == function)
    }

    /// What half of a function's calls add and half of the bare client's of the same run do not: sockets, TLS, HTTP and the
    /// simulation taken away, the rest is the worker's.
    fn own_milliseconds(&self, function: &str) -> impl Iterator<Item = f64> {
        let bare = bare::name(function);
        let bare: Vec<_> = self.runs_of(&bare).collect();
        self.runs_of(function)
            .zip(bare)
            .map(|(run, bare)| run.added_milliseconds[0] - bare.added_milliseconds[0])
    }

    fn write_functions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.functions.iter().map(|run| run.function.as_str());
        let names: BTreeSet<&str> = names.collect();
        if !names.is_empty() {
            writeln!(
                f,
                "\n| function, one after another | p50, p95, p99 in ms | added to its calls, in ms | p50 of its own, in ms | processor, ms a call |\n\
                 | --- | --- | --- | --- | --- |"
            )?;
        }
        for name in names {
            let three = |values: fn(&Functions) -> &[f64; 3]| {
                let of = |part: usize| median(self.runs_of(name).map(|run| values(run)[part]));
                format!("{:.2}, {:.2}, {:.2}", of(0), of(1), of(2))
            };
            let processor = self
                .runs_of(name)
                .filter_map(|run| run.processor_milliseconds);
            writeln!(
                f,
                "| {name} | {} | {} | {} | {} |",
                three(|run| &run.milliseconds),
                three(|run| &run.added_milliseconds),
                known_median(self.own_milliseconds(name)),
                known_median(processor),
            )?;
        }
        let Some(Burst { calls, most, .. }) = self.bursts.last() else {
            return Ok(());
        };
        let rate = median(self.bursts.iter().map(|burst| burst.rate));
        writeln!(
            f,
            "\n{calls} refreshes at once: {rate:.0} a second, {:.2} of what the permits allow ({most:.0})",
            rate / most
        )
    }
}

/// The median of what is known, if anything is.
fn known_median(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<f64> = values.collect();
    if values.is_empty() {
        return String::new();
    }
    format!("{:.2}", median(values.into_iter()))
}

/// The middle one; of an even number the higher of the two.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    at(&mut values.collect::<Vec<_>>(), 0.5)
}

/// The value that this part of all do not exceed; 0 of none.
pub(super) fn at(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = (values.len() as f64 * part) as usize;
    let last = values.len().saturating_sub(1);
    values.get(index.min(last)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn medians_and_percentiles_are_values_that_were_measured() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
        let mut hundred: Vec<f64> = (0..100).map(f64::from).collect();
        assert!((at(&mut hundred, 0.99) - 99.0).abs() < f64::EPSILON);
        assert!((at(&mut hundred, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!(at(&mut [], 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_functions_own_part_is_what_the_bare_client_of_its_run_does_not_add() {
        let options = BenchOptions {
            worker: "worker".into(),
            findings: vec![1],
            regions: 1,
            soar_latency: Duration::from_millis(20),
            aws_latency: Duration::from_millis(30),
            permits: 16,
            runs: 3,
            calls: 1,
            at_once: 0,
            idle: 0,
        };
        let mut report = Report::new(Machine::this(), &options);
        let measured = |function: String, added: f64| Functions {
            function,
            milliseconds: [added + 50.0; 3],
            added_milliseconds: [added; 3],
            processor_milliseconds: None,
        };
        for (added, wire) in [(1.5, 1.0), (4.0, 1.25), (1.75, 0.5)] {
            report.functions.push(measured("f".into(), added));
            report.functions.push(measured(bare::name("f"), wire));
        }
        let own: Vec<f64> = report.own_milliseconds("f").collect();
        assert_eq!(own, [0.5, 2.75, 1.25]);
        let table = report.to_string();
        assert!(
            table.contains("| f | 51.75, 51.75, 51.75 | 1.75, 1.75, 1.75 | 1.25 |  |"),
            "{table}"
        );
        assert!(
            table.contains("| f, bare client | 51.00, 51.00, 51.00 | 1.00, 1.00, 1.00 |  |  |"),
            "{table}"
        );
    }
}
