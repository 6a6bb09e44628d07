//! How long the worker takes where every call costs what it costs in a data centre.
//!
//! `cargo bench --bench round_trips` starts the sandbox in this process with 20 ms a SOAR call and 30 ms an AWS call, the
//! worker as a process of its own with default settings, and prints what it measures. It judges nothing.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::calls::{Call, Side};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

const SOAR: Duration = Duration::from_millis(20);
const AWS: Duration = Duration::from_millis(30);
/// The default of `aws_gd_max_soar_requests`.
const PERMITS: f64 = 16.0;
const CALLS: usize = 50;
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    println!(
        "SOAR {} ms, AWS {} ms a call; default settings\n",
        SOAR.as_millis(),
        AWS.as_millis()
    );
    for findings in [100, 1000] {
        escalate(findings).await?;
    }
    functions().await
}

/// First to last write for so many findings in two regions, against the floor of the round trips.
async fn escalate(findings: usize) -> Outcome {
    let sandbox = start_sandbox().await?;
    for region in REGIONS {
        sandbox
            .aws()
            .create_samples(region, findings / REGIONS.len());
    }
    let worker = Worker::start(&sandbox, "1h")?;
    let complete = |platform: &sandbox::soar::Platform| platform.incident_count() == findings;
    if !sandbox
        .platform()
        .wait_for(complete, Duration::from_mins(5))
        .await
    {
        return Err("not all findings became incidents in time".into());
    }
    settle(&sandbox).await;
    let calls = sandbox.calls().all();
    let writes = writes(&calls);
    let first = writes
        .iter()
        .map(|call| call.started)
        .min()
        .unwrap_or_default();
    let last = writes
        .iter()
        .map(|call| call.started + call.duration)
        .max()
        .unwrap_or_default();
    let took = last.saturating_sub(first).as_secs_f64();
    let queries = sandbox.calls().count(Side::Soar, "POST /incidents/query");
    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    let floor = (writes.len() + queries) as f64 * SOAR.as_secs_f64() / PERMITS;
    println!("{findings} findings in {} regions", REGIONS.len());
    println!(
        "  first to last write  {took:.3} s, floor {floor:.3} s, ratio {:.2}",
        took / floor
    );
    println!("  calls                {}", counts(&sandbox));
    println!(
        "  worker               peak memory {} MB, processor {} s",
        worker.peak_mb()?,
        worker.processor_s()?
    );
    worker.stop()?;
    sandbox.shutdown().await;
    Ok(())
}

/// Calls one after another, from the message to the final answer.
async fn functions() -> Outcome {
    let sandbox = start_sandbox().await?;
    let finding = sandbox.aws().create_samples(REGIONS[0], 1).remove(0);
    let worker = Worker::start(&sandbox, "1h")?;
    let known =
        |platform: &sandbox::soar::Platform| !platform.incident_for_finding(&finding).is_empty();
    sandbox
        .platform()
        .wait_for(known, Duration::from_mins(1))
        .await;
    settle(&sandbox).await;
    let incident = sandbox
        .platform()
        .incident_for_finding(&finding)
        .remove(0)
        .id;
    let inputs = json!({
        "aws_gd_region": REGIONS[0],
        "aws_gd_detector_id": sandbox.aws().detector_id(REGIONS[0]),
        "aws_gd_finding_id": finding,
        "incident_id": incident,
    });
    println!("\n{CALLS} calls one after another");
    for function in [
        "func_aws_guardduty_refresh_finding",
        "func_aws_guardduty_archive_finding",
    ] {
        let mut times = Vec::new();
        for _ in 0..CALLS {
            times.push(call(&sandbox, function, &inputs).await?);
        }
        times.sort();
        let (p50, p99) = (times[CALLS / 2], times[CALLS - 1]);
        println!(
            "  {function:<36} p50 {:.1} ms, slowest {:.1} ms",
            ms(p50),
            ms(p99)
        );
    }
    println!(
        "  worker               peak memory {} MB, processor {} s",
        worker.peak_mb()?,
        worker.processor_s()?
    );
    worker.stop()
}

async fn call(sandbox: &Sandbox, function: &str, inputs: &Value) -> Outcome<Duration> {
    let start = Instant::now();
    let correlation = sandbox
        .platform()
        .publish_invocation(function, inputs)
        .map_err(|refusal| refusal.to_string())?;
    let answered =
        |platform: &sandbox::soar::Platform| platform.final_reply(&correlation).is_some();
    if !sandbox
        .platform()
        .wait_for(answered, Duration::from_mins(1))
        .await
    {
        return Err(format!("{function} was not answered").into());
    }
    Ok(start.elapsed())
}

async fn start_sandbox() -> Outcome<Sandbox> {
    let options = Options {
        regions: REGIONS.map(str::to_owned).to_vec(),
        soar_latency: SOAR,
        aws_latency: AWS,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await?;
    let export = fn_aws_guardduty::customizations::export_document();
    sandbox
        .platform()
        .import(&export)
        .map_err(|refusal| refusal.to_string())?;
    Ok(sandbox)
}

/// Waits until the platform has been asked nothing for a while.
async fn settle(sandbox: &Sandbox) {
    let mut before = usize::MAX;
    while before != sandbox.calls().total(Side::Soar) {
        before = sandbox.calls().total(Side::Soar);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn writes(calls: &[Call]) -> Vec<&Call> {
    let is_write = |call: &&Call| {
        call.side == Side::Soar
            && (call.kind == "POST /incidents" || call.kind.ends_with("/row_data"))
    };
    calls.iter().filter(is_write).collect()
}

fn counts(sandbox: &Sandbox) -> String {
    let counts: BTreeMap<_, _> = sandbox.calls().counts();
    let of = |side| {
        counts
            .iter()
            .filter(move |((of, _), _)| *of == side)
            .map(|((_, kind), n)| format!("{kind} {n}"))
    };
    let all: Vec<String> = of(Side::Soar).chain(of(Side::Aws)).collect();
    all.join(", ")
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The worker as a process.
struct Worker {
    child: Child,
    _folder: TempDir,
}

impl Worker {
    fn start(sandbox: &Sandbox, interval: &str) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("ca.pem"), sandbox.ca_pem())?;
        let config = format!(
            "[resilient]\nhost={}\nport={}\norg={}\napi_key_id={}\napi_key_secret={}\nstomp_port={}\ncafile=ca.pem\n\
             [fn_aws_guardduty]\naws_gd_access_key_id={}\naws_gd_secret_access_key={}\naws_gd_master_region={}\n\
             aws_gd_regions={}\naws_gd_polling_interval={interval}\n",
            sandbox.soar_host(),
            sandbox.soar_port(),
            sandbox.org_name(),
            sandbox.api_key_id(),
            sandbox.api_key_secret(),
            sandbox.stomp_port(),
            sandbox.aws_access_key_id(),
            sandbox.aws_secret_access_key(),
            REGIONS[0],
            REGIONS.join("|"),
        );
        std::fs::write(folder.path().join("app.config"), config)?;
        sandbox::no_worker_before(folder.path())?;
        let child = Command::new(env!("CARGO_BIN_EXE_fn-aws-guardduty"))
            .arg("run")
            .current_dir(folder.path())
            .env("APP_CONFIG_FILE", folder.path().join("app.config"))
            .env("AWS_ENDPOINT_URL", sandbox.aws_endpoint())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log"))?)
            .spawn()?;
        Ok(Self {
            child,
            _folder: folder,
        })
    }

    /// Largest resident size so far (`VmHWM` of Linux).
    fn peak_mb(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .ok_or("no VmHWM")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("no figure")?.parse()?;
        Ok(kilobytes / 1024)
    }

    /// Processor time so far, in hundredths of a second (utime and stime of Linux's stat).
    fn processor_s(&self) -> Outcome<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / 100.0)
    }

    fn stop(mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}
