//! What the worker costs: its time against the floor that the round trips set, its memory, its processor time.
//!
//! The sandbox answers each call after a set latency; the worker is a process of its own. Nothing is judged here but what
//! would make a figure worthless: a finding or an answer that does not come.

mod bare;
mod escalation;
mod functions;
mod idle;
mod report;
mod stage;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use report::Machine;
pub use report::Report;

/// What is measured.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// The worker's program.
    pub worker: PathBuf,
    /// How many findings are escalated, size after size.
    pub findings: Vec<usize>,
    /// In how many regions.
    pub regions: usize,
    /// What each SOAR call takes.
    pub soar_latency: Duration,
    /// What each AWS call takes.
    pub aws_latency: Duration,
    /// SOAR calls that the worker may have under way at a time.
    pub permits: u32,
    /// How often each measurement is made.
    pub runs: usize,
    /// How many function calls follow each other.
    pub calls: usize,
    /// How many function calls are on the queue at once, and how many the worker runs at a time.
    pub at_once: usize,
    /// How many incidents are open while nothing happens; 0 leaves that out.
    pub idle: usize,
}

/// Measures, telling of each run.
///
/// # Errors
/// When the sandbox or the worker cannot be started, or what is awaited does not come.
pub async fn run(options: &BenchOptions, tell: impl Fn(&str)) -> io::Result<Report> {
    let mut report = Report::new(Machine::this(), options);
    for run in 1..=options.runs {
        report.starts.push(stage::start_time(options).await?);
        for &findings in &options.findings {
            let escalation = escalation::measure(options, findings).await?;
            tell(&format!("run {run}: {escalation}"));
            report.escalations.push(escalation);
        }
        if options.calls > 0 {
            let (functions, answers) = functions::one_after_another(options).await?;
            report.functions.extend(functions);
            let bare = bare::one_after_another(options, &answers).await?;
            report.functions.extend(bare);
        }
        if options.at_once > 0 {
            report.bursts.push(functions::at_once(options).await?);
        }
        tell(&format!("run {run} is done"));
    }
    if options.idle > 0 {
        report.idle = Some(idle::measure(options).await?);
    }
    Ok(report)
}
