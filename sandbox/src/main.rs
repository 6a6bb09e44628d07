//! `sandbox serve`: the simulated platform and AWS as a process of their own. `sandbox campaign`: an attack on a worker.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use sandbox::bench::{self, BenchOptions};
use sandbox::campaign::{self, CampaignOptions};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

#[derive(Parser)]
#[command(about = "A simulated SOAR platform and a simulated AWS")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until interrupted; prints one line of JSON that tells how to connect
    Serve(Serve),
    /// Attack a worker with faults and crashes and look whether anything is lost or made twice
    Campaign(Campaign),
    /// Keep a worker under a steady load and look whether its memory or its file descriptors grow
    Soak(Soak),
    /// Measure what the worker takes for findings and functions, against the floor that the network sets
    Bench(Bench),
    /// Put many function messages on the queue at once and look whether all are answered, and in what memory
    Overload(Overload),
}

#[derive(Args)]
struct Soak {
    /// The worker's program; the one beside this program when not given
    #[arg(long)]
    worker: Option<PathBuf>,
    /// How long
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Folder for soak.csv and soak.svg
    #[arg(long, default_value = ".")]
    output: PathBuf,
}

#[derive(Args)]
struct Bench {
    /// The worker's program; the one beside this program when not given
    #[arg(long)]
    worker: Option<PathBuf>,
    /// Findings to escalate; several sizes one after another
    #[arg(long, value_delimiter = ',', default_value = "1000")]
    findings: Vec<usize>,
    /// Regions that the findings are in
    #[arg(long, default_value_t = 2)]
    regions: usize,
    /// What each SOAR call takes
    #[arg(long, default_value = "20ms", value_parser = milliseconds)]
    soar_latency: Duration,
    /// What each AWS call takes
    #[arg(long, default_value = "30ms", value_parser = milliseconds)]
    aws_latency: Duration,
    /// SOAR calls that the worker may have under way at a time
    #[arg(long, default_value_t = 16)]
    permits: u32,
    /// How often each measurement is made
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Function calls one after another
    #[arg(long, default_value_t = 1000)]
    calls: usize,
    /// Function calls at once
    #[arg(long, default_value_t = 50)]
    at_once: usize,
    /// Open incidents of a cycle in which nothing happens
    #[arg(long, default_value_t = 0)]
    idle: usize,
    /// Folder for bench.json, bench.md and a chart for each number of findings
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Args)]
struct Overload {
    /// The worker's program; the one beside this program when not given
    #[arg(long)]
    worker: Option<PathBuf>,
    /// How many messages
    #[arg(long, default_value_t = 10_000)]
    messages: usize,
    /// Megabytes that the worker may take at most
    #[arg(long, default_value_t = 60)]
    megabytes: u64,
}

#[derive(Args)]
struct Campaign {
    /// The worker's program; the one beside this program when not given
    #[arg(long)]
    worker: Option<PathBuf>,
    /// What all rounds are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many rounds are played
    #[arg(long, default_value_t = 20)]
    rounds: u64,
    /// Seconds for which nothing may get better after the faults of a round while something is wrong
    #[arg(long, default_value_t = 90)]
    patience: u64,
    /// End at the first round that fails
    #[arg(long)]
    stop_at_failure: bool,
    /// How many rounds are played at a time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Play this round alone
    #[arg(long)]
    only: Option<u64>,
    /// Put a real ActiveMQ (Debian's package) between the platform and the workers
    #[arg(long)]
    activemq: bool,
    /// Findings of a round, on average
    #[arg(long, default_value_t = 52)]
    findings: usize,
    /// File that tells how far the campaign has come; with it a campaign goes on where it was stopped
    #[arg(long)]
    progress: Option<PathBuf>,
    /// Folder for the worker's log of each round that failed
    #[arg(long)]
    logs: Option<PathBuf>,
}

#[derive(Args)]
struct Serve {
    /// Port of the REST API; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    soar_port: u16,
    /// Port of the message broker; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    stomp_port: u16,
    /// Port of the AWS endpoint; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    aws_port: u16,
    /// Port of the pages for people; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pages_port: u16,
    /// Regions that have a detector
    #[arg(long, value_delimiter = ',', default_value = "us-east-1")]
    regions: Vec<String>,
    /// Milliseconds that every SOAR call takes
    #[arg(long, default_value_t = 0)]
    soar_latency: u64,
    /// Milliseconds that every AWS call takes
    #[arg(long, default_value_t = 0)]
    aws_latency: u64,
    /// Sample findings to publish in each region
    #[arg(long, default_value_t = 0)]
    findings: usize,
    /// Give the severity field a value "Critical"
    #[arg(long)]
    critical: bool,
    /// Export document to import at the start
    #[arg(long)]
    import: Option<PathBuf>,
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    match Cli::parse().command {
        Command::Serve(serve) => serve.run().await,
        Command::Campaign(campaign) => campaign.run().await,
        Command::Soak(soak) => soak.run().await,
        Command::Overload(overload) => overload.run().await,
        Command::Bench(bench) => bench.run().await,
    }
}
impl Serve {
    async fn run(self) -> Outcome {
        let sandbox = Sandbox::start(self.options()).await?;
        if let Some(path) = &self.import {
            let export: Value = serde_json::from_slice(&std::fs::read(path)?)?;
            sandbox.platform().import(&export)?;
        }
        for region in &self.regions {
            sandbox.aws().create_samples(region, self.findings);
        }
        announce(&sandbox, &mut io::stdout())?;
        tokio::signal::ctrl_c().await?;
        sandbox.shutdown().await;
        Ok(())
    }

    fn options(&self) -> Options {
        Options {
            regions: self.regions.clone(),
            soar_latency: Duration::from_millis(self.soar_latency),
            aws_latency: Duration::from_millis(self.aws_latency),
            critical_severity: self.critical,
            soar_port: self.soar_port,
            stomp_port: self.stomp_port,
            aws_port: self.aws_port,
            pages_port: self.pages_port,
            ..Options::default()
        }
    }
}

impl Campaign {
    async fn run(self) -> Outcome {
        let worker = worker(self.worker)?;
        let options = CampaignOptions {
            worker,
            seed: self.seed,
            rounds: self.rounds,
            patience: Duration::from_secs(self.patience),
            stop_at_failure: self.stop_at_failure,
            jobs: self.jobs,
            only: self.only,
            on_activemq: self.activemq,
            findings: self.findings,
            progress: self.progress,
            logs: self.logs,
        };
        let totals = campaign::run(&options, |line| println!("{line}")).await?;
        println!("{}", serde_json::to_string_pretty(&totals)?);
        if totals.failed.is_empty() {
            return Ok(());
        }
        Err(format!("{} rounds failed", totals.failed.len()).into())
    }
}

impl Soak {
    async fn run(self) -> Outcome {
        let worker = worker(self.worker)?;
        let tell = |line: &str| println!("{line}");
        let wrong = campaign::soak(&worker, self.minutes, &self.output, tell).await?;
        verdict(&wrong)
    }
}

impl Bench {
    async fn run(self) -> Outcome {
        let options = BenchOptions {
            worker: worker(self.worker)?,
            findings: self.findings,
            regions: self.regions,
            soar_latency: self.soar_latency,
            aws_latency: self.aws_latency,
            permits: self.permits,
            runs: self.runs,
            calls: self.calls,
            at_once: self.at_once,
            idle: self.idle,
        };
        let report = bench::run(&options, |line| eprintln!("{line}")).await?;
        println!("{report}");
        if let Some(folder) = &self.output {
            std::fs::create_dir_all(folder)?;
            let json = serde_json::to_string_pretty(&report)?;
            std::fs::write(folder.join("bench.json"), json)?;
            std::fs::write(folder.join("bench.md"), report.to_string())?;
            for (findings, chart) in report.charts() {
                std::fs::write(folder.join(format!("bench-{findings}.svg")), chart)?;
            }
        }
        Ok(())
    }
}

/// `20ms`, or `20`.
fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    let number = text.strip_suffix("ms").unwrap_or(text);
    Ok(Duration::from_millis(number.parse()?))
}

impl Overload {
    async fn run(self) -> Outcome {
        let worker = worker(self.worker)?;
        let (mut wrong, peak) = campaign::overload(&worker, self.messages).await?;
        println!("{} messages, peak memory {} MB", self.messages, peak / 1024);
        if peak > self.megabytes * 1024 {
            wrong.push(format!("more than {} MB", self.megabytes));
        }
        verdict(&wrong)
    }
}

fn worker(given: Option<PathBuf>) -> io::Result<PathBuf> {
    match given {
        // Absolute, since it is started in a folder of its own.
        Some(worker) => worker.canonicalize().map_err(|error| {
            let text = format!("--worker {}: {error}", worker.display());
            io::Error::new(error.kind(), text)
        }),
        None => Ok(campaign::worker_beside(&std::env::current_exe()?)),
    }
}

fn verdict(wrong: &[String]) -> Outcome {
    if wrong.is_empty() {
        println!("ok");
        return Ok(());
    }
    Err(wrong.join("; ").into())
}

/// The secrets are of this process only and worth nothing elsewhere.
fn announce(sandbox: &Sandbox, out: &mut impl io::Write) -> io::Result<()> {
    let line = json!({
        "soar": {
            "host": sandbox.soar_host(), "port": sandbox.soar_port(), "stomp_port": sandbox.stomp_port(),
            "org": sandbox.org_name(), "org_id": sandbox.org_id(),
            "api_key_id": sandbox.api_key_id(), "api_key_secret": sandbox.api_key_secret(),
            "email": sandbox.email(), "password": sandbox.password(), "ca_pem": sandbox.ca_pem(),
        },
        "aws": {
            "endpoint": sandbox.aws_endpoint(), "access_key_id": sandbox.aws_access_key_id(),
            "secret_access_key": sandbox.aws_secret_access_key(),
        },
        "pages": sandbox.pages_url(),
    });
    writeln!(out, "{line}")?;
    out.flush()
}
