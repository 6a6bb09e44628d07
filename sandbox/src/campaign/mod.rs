//! A campaign against a worker: rounds of faults, crashes and other people's doings, drawn from a seed, and after
//! each round the question whether anything was lost, made twice or left behind.
//!
//! Each round has a platform and an AWS of its own and depends on nothing but the seed and its number, so that a round that
//! fails can be played again alone.

mod activemq;
mod endurance;
mod invariants;
mod journal;
mod plan;
mod play;
mod relay;
mod stage;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

pub use endurance::{overload, soak};
pub use journal::Totals;

use crate::calls::Side;
use crate::soar::RunState;
use crate::worker;
use journal::Journal;
use plan::Plan;
use stage::Stage;

/// Two suffice to see that one does not hold up the other.
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// How long everything may take to come right in the runs without faults.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it is looked.
const PACE: Duration = Duration::from_millis(250);
/// Two cycles of the poller and more: what is made twice late shows then.
const AFTERMATH: Duration = Duration::from_millis(2_500);

/// What is asked of a campaign.
#[derive(Debug, Clone)]
pub struct CampaignOptions {
    /// The worker's program.
    pub worker: PathBuf,
    /// What all rounds are drawn from.
    pub seed: u64,
    /// How many rounds there are.
    pub rounds: u64,
    /// How long nothing may get better after a round while something is wrong.
    pub patience: Duration,
    /// Whether the first round that fails is the last.
    pub stop_at_failure: bool,
    /// How many rounds are played at a time.
    pub jobs: usize,
    /// Only this round is played.
    pub only: Option<u64>,
    /// Whether the workers are on a real `ActiveMQ` of their own in each round.
    pub on_activemq: bool,
    /// Findings of a round, on average.
    pub findings: usize,
    /// The file that tells how far the campaign has come.
    pub progress: Option<PathBuf>,
    /// Where the log of a worker goes whose round failed.
    pub logs: Option<PathBuf>,
}

/// How one round went.
struct Round {
    findings: u64,
    incidents: u64,
    kills: u64,
    acts: u64,
    functions: u64,
    functions_failed: u64,
    calls: u64,
    refused_starts: u64,
    wrong: Vec<String>,
    log: String,
}

/// Plays the rounds that are left, telling of each; answers the sums over all.
///
/// # Errors
/// When the sandbox or the worker cannot be started, or the progress file not be used.
pub async fn run(options: &CampaignOptions, tell: impl Fn(&str)) -> io::Result<Totals> {
    let customizations = worker::customizations(&options.worker)?;
    let mut journal = Journal::open(options.progress.as_deref(), options.seed, options.findings)?;
    let rounds = match options.only {
        Some(round) => round..round + 1,
        None => journal.totals().rounds..options.rounds,
    };
    let customizations = Arc::new(customizations);
    let started = |number| {
        let (options, customizations) = (options.clone(), Arc::clone(&customizations));
        let round = async move {
            let begin = Instant::now();
            let round = play(&options, number, &customizations).await?;
            io::Result::Ok((number, round, begin.elapsed()))
        };
        AbortOnDropHandle::new(tokio::spawn(round))
    };
    let mut played = stream::iter(rounds)
        .map(started)
        .buffered(options.jobs.max(1));
    // In their order: the progress file tells how many are done, and so which.
    while let Some(outcome) = played.next().await {
        let (number, round, took) = outcome.map_err(io::Error::other)??;
        tell(&line(options, number, &round, took));
        if !round.wrong.is_empty()
            && let Some(folder) = &options.logs
        {
            std::fs::create_dir_all(folder)?;
            let path = folder.join(format!("seed-{}-round-{number}.log", options.seed));
            std::fs::write(path, &round.log)?;
        }
        journal.record(|totals| totals.add(number, &round))?;
        if options.stop_at_failure && !round.wrong.is_empty() {
            break;
        }
    }
    Ok(journal.totals().clone())
}

async fn play(options: &CampaignOptions, number: u64, customizations: &Value) -> io::Result<Round> {
    let plan = Plan::draw(options.seed, number, options.findings);
    let mut stage = Stage::set(&options.worker, customizations, &plan, options.on_activemq).await?;
    stage.play(&plan).await?;
    let wrong = judge(&mut stage, options.patience).await?;
    let round = sums(&stage, &plan, wrong);
    stage.down().await;
    Ok(round)
}

/// Everything comes right, stays right for a while, and the workers end well.
async fn judge(stage: &mut Stage, patience: Duration) -> io::Result<Vec<String>> {
    let (mut deadline, mut fewest) = (Instant::now() + patience, usize::MAX);
    loop {
        stage.supervise()?;
        let wrong = stage.check()?;
        if wrong.is_empty() {
            break;
        }
        // A busy machine is slow; what stands still is wrong.
        if wrong.len() < fewest {
            (deadline, fewest) = (Instant::now() + patience, wrong.len());
        }
        if Instant::now() > deadline || !stage.violations.is_empty() {
            return Ok(wrong);
        }
        tokio::time::sleep(PACE).await;
    }
    tokio::time::sleep(AFTERMATH).await;
    for which in 0..stage.workers.len() {
        stage.stop(which).await?;
    }
    let mut wrong = stage.check()?;
    if let Some(real) = &stage.real {
        let left = real.activemq.depth(&stage.queue()).await?;
        if left > 0 {
            wrong.push(format!("{left} messages are left in ActiveMQ"));
        }
    }
    Ok(wrong)
}

fn sums(stage: &Stage, plan: &Plan, wrong: Vec<String>) -> Round {
    let runs = stage.sandbox.platform().workflow_runs();
    let failed = runs.iter().filter(|run| run.state == RunState::Failed);
    let calls = stage.sandbox.calls();
    Round {
        findings: stage.tracked.len() as u64,
        incidents: stage.sandbox.platform().incident_count() as u64,
        kills: stage.kills,
        acts: plan.acts.len() as u64,
        functions: (runs.len() + stage.odd.len()) as u64,
        functions_failed: failed.count() as u64,
        calls: (calls.total(Side::Soar) + calls.total(Side::Aws)) as u64,
        refused_starts: stage.refused_starts,
        wrong,
        log: stage.logs(),
    }
}

impl Totals {
    fn add(&mut self, number: u64, round: &Round) {
        self.rounds += 1;
        self.findings += round.findings;
        self.incidents += round.incidents;
        self.kills += round.kills;
        self.acts += round.acts;
        self.functions += round.functions;
        self.functions_failed += round.functions_failed;
        self.calls += round.calls;
        self.refused_starts += round.refused_starts;
        if !round.wrong.is_empty() {
            self.failed.push(number);
        }
    }
}

fn line(options: &CampaignOptions, number: u64, round: &Round, took: Duration) -> String {
    let Round {
        findings,
        incidents,
        kills,
        acts,
        functions,
        functions_failed,
        wrong,
        ..
    } = round;
    let verdict = if wrong.is_empty() { "ok" } else { "FAILED" };
    let mut line = format!(
        "round {number:>4}  {verdict:<6}  {findings} findings, {incidents} incidents, {kills} kills, {acts} acts, \
         {functions} functions ({functions_failed} answered with an error), {:.1} s",
        took.as_secs_f64()
    );
    for what in wrong.iter().take(20) {
        line.push_str("\n    ");
        line.push_str(what);
    }
    if !wrong.is_empty() {
        let (seed, count) = (options.seed, options.findings);
        let on = if options.on_activemq {
            " --activemq"
        } else {
            ""
        };
        // Writing to a text cannot fail.
        let _ = write!(
            line,
            "\n    again: sandbox campaign{on} --seed {seed} --findings {count} --only {number}"
        );
    }
    line
}

/// The worker's program beside this one.
pub fn worker_beside(program: &Path) -> PathBuf {
    program.with_file_name("fn-aws-guardduty")
}
