//! The story: each step is done on one side and looked for on the other.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sandbox::aws::Aws;
use sandbox::soar::{IncidentView, Platform};

use super::account::Account;
use super::stage::{REGIONS, Stage};
use crate::domain::mapping::{MappingContext, incident_for};
use crate::domain::{Finding, NewIncident, Table, field};

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause between the findings that come after the story.
const NEWS: Duration = Duration::from_secs(10);
const REFRESH_RULE: &str = "Example: AWS GuardDuty: Refresh Finding Details";

/// Tells the story; with `once` only that.
pub(super) async fn tell(once: bool) -> anyhow::Result<ExitCode> {
    println!(
        "fn-aws-guardduty: AWS GuardDuty findings as IBM SOAR incidents, on a simulated SOAR and AWS\n"
    );
    let begun = Instant::now();
    let mut stage = Stage::set().await?;
    let sandbox = &stage.sandbox;
    println!(
        "  SOAR       https://{}:{}  (organisation {})",
        sandbox.soar_host(),
        sandbox.soar_port(),
        sandbox.org_name()
    );
    println!(
        "  queue      {}:{}  (STOMP over TLS)",
        sandbox.soar_host(),
        sandbox.stomp_port()
    );
    println!(
        "  AWS        {}  ({})",
        sandbox.aws_endpoint(),
        REGIONS.join(", ")
    );
    println!(
        "  browser    {}  (the incidents, and GuardDuty)",
        sandbox.pages_url()
    );
    println!(
        "  worker     listening after {:.2} s, http://{}/ shows how it does, log in {}",
        begun.elapsed().as_secs_f64(),
        stage.page,
        stage.log().display()
    );
    let mut story = Story {
        platform: sandbox.platform(),
        aws: sandbox.aws(),
        account: Account::default(),
        findings: Vec::new(),
    };
    story.escalate().await;
    story.update().await?;
    story.archive().await?;
    story.close().await?;
    story.refresh_by_hand().await?;
    story.account.print();
    let clean = story.account.is_clean();
    if !once {
        println!("\nNew findings keep coming; Ctrl-C ends the demo.");
        tokio::select! {
            () = news(sandbox.platform(), sandbox.aws()) => {}
            signal = tokio::signal::ctrl_c() => signal?,
        }
    }
    let ended = stage.stop_worker().await?;
    let took = begun.elapsed().as_secs_f64();
    println!("\n  the worker stopped with {ended}; the whole took {took:.1} s");
    if clean && ended.success() {
        return Ok(ExitCode::SUCCESS);
    }
    let log = stage.log();
    stage.keep();
    println!(
        "  something was not as it should be; the worker's log is {}",
        log.display()
    );
    Ok(ExitCode::FAILURE)
}

struct Story<'a> {
    platform: &'a Platform,
    aws: &'a Aws,
    account: Account,
    /// Region and id of the findings made.
    findings: Vec<(&'static str, String)>,
}

impl Story<'_> {
    async fn escalate(&mut self) {
        println!("\n1. Findings of every kind appear in three regions, the worker escalates them.");
        let start = Instant::now();
        for (n, kind) in Aws::sample_kinds().iter().enumerate() {
            let region = REGIONS[n % REGIONS.len()];
            self.findings
                .push((region, self.aws.create_sample(region, kind)));
        }
        let mut failures = Vec::new();
        for (region, finding) in &self.findings {
            if escalated(self.platform, self.aws, region, finding).await {
                print_incident(region, &self.platform.incident_for_finding(finding)[0]);
            } else {
                failures.push(format!(
                    "finding {finding} in {region} has no complete incident"
                ));
            }
        }
        let incidents = self.platform.incidents();
        if incidents.len() != self.findings.len() {
            failures.push(format!(
                "{} findings, but {} incidents",
                self.findings.len(),
                incidents.len()
            ));
        }
        let rows: usize = incidents
            .iter()
            .flat_map(|incident| incident.rows.values())
            .map(Vec::len)
            .sum();
        let artifacts: usize = incidents
            .iter()
            .map(|incident| incident.artifacts.len())
            .sum();
        println!(
            "   {} incidents with {artifacts} artifacts and {rows} rows",
            incidents.len()
        );
        self.account
            .note("finding → incident", incidents.len(), start, failures);
    }

    async fn update(&mut self) -> anyhow::Result<()> {
        println!(
            "\n2. GuardDuty sees more of a finding: the poller sets the trigger, the rule runs the refresh function."
        );
        let (region, finding) = self.findings[0].clone();
        let before = self.incident(&finding)?;
        let start = Instant::now();
        self.aws.update_finding(region, &finding);
        let updated = self.aws.finding(region, &finding).unwrap_or_default();
        let updated_at = updated["updatedAt"].as_str().unwrap_or_default().to_owned();
        self.expect(
            "finding updated → incident refreshed",
            start,
            &finding,
            |incident| {
                incident.property(field::FINDING_UPDATED_AT) == Some(&updated_at)
                    && incident.notes.len() == before.notes.len() + 2
                    && incident.table("gd_finding_overview").len()
                        > before.table("gd_finding_overview").len()
            },
        )
        .await;
        let after = self.incident(&finding)?;
        let count =
            |incident: &IncidentView| incident.property(field::COUNT).unwrap_or("?").to_owned();
        println!(
            "   incident {}: count {} → {}, {} notes, {} rows in the overview",
            after.id,
            count(&before),
            count(&after),
            after.notes.len(),
            after.table("gd_finding_overview").len()
        );
        Ok(())
    }

    async fn archive(&mut self) -> anyhow::Result<()> {
        println!("\n3. Somebody archives a finding in GuardDuty: its incident closes.");
        let (region, finding) = self.findings[1].clone();
        let start = Instant::now();
        self.aws.archive(region, &finding);
        self.expect(
            "finding archived → incident closed",
            start,
            &finding,
            |incident| {
                incident.plan_status == "C" && incident.property(field::ARCHIVED) == Some("True")
            },
        )
        .await;
        let incident = self.incident(&finding)?;
        println!(
            "   incident {}: closed, {}",
            incident.id,
            incident.resolution.as_deref().unwrap_or("no resolution")
        );
        Ok(())
    }

    async fn close(&mut self) -> anyhow::Result<()> {
        println!("\n4. An analyst closes an incident: the rule archives its finding.");
        let (region, finding) = self.findings[2].clone();
        let start = Instant::now();
        let id = self.incident(&finding)?.id;
        if let Err(refusal) = self.platform.close(id, "Resolved", "Seen to.") {
            println!("   the platform refuses: {refusal}");
        }
        let aws = self.aws;
        self.expect(
            "incident closed → finding archived",
            start,
            &finding,
            |incident| {
                incident.property(field::ARCHIVED) == Some("True")
                    && aws.is_archived(region, &finding)
            },
        )
        .await;
        println!("   finding {finding} in {region}: archived, the incident's note says so");
        Ok(())
    }

    async fn refresh_by_hand(&mut self) -> anyhow::Result<()> {
        println!("\n5. An analyst chooses \"{REFRESH_RULE}\" from the incident's menu.");
        let (_, finding) = self.findings[3].clone();
        let before = self.incident(&finding)?;
        let start = Instant::now();
        if let Err(refusal) = self.platform.run_menu_rule(before.id, REFRESH_RULE) {
            println!("   the platform refuses: {refusal}");
        }
        self.expect(
            "menu item → incident refreshed",
            start,
            &finding,
            |incident| incident.notes.len() == before.notes.len() + 2,
        )
        .await;
        println!("   incident {}: refreshed", before.id);
        Ok(())
    }

    /// Waits for the incident of a finding to be as wanted, and takes it into the account.
    async fn expect(
        &mut self,
        step: &'static str,
        start: Instant,
        finding: &str,
        wanted: impl Fn(&IncidentView) -> bool + Send + Sync,
    ) {
        let seen = |platform: &Platform| platform.incident_for_finding(finding).iter().any(&wanted);
        let mut failures = Vec::new();
        if !self.platform.wait_for(seen, PATIENCE).await {
            failures.push(format!("not seen within {} s", PATIENCE.as_secs()));
        }
        self.account.note(step, 1, start, failures);
    }

    fn incident(&self, finding: &str) -> anyhow::Result<IncidentView> {
        let incident = self
            .platform
            .incident_for_finding(finding)
            .into_iter()
            .next();
        incident.with_context(|| format!("finding {finding} has no incident"))
    }
}

/// What a finding of the sandbox maps to.
fn mapped(aws: &Aws, region: &str, finding: &str) -> Option<NewIncident> {
    let finding = Finding::from_wire(aws.finding(region, finding)?).ok()?;
    let context = MappingContext {
        region,
        now: Timestamp::now(),
        time_zone: &TimeZone::system(),
        has_critical: false,
    };
    Some(incident_for(&finding, &context))
}

/// Waits until the finding has an incident with its note and all its rows.
async fn escalated(platform: &Platform, aws: &Aws, region: &str, finding: &str) -> bool {
    let Some(wanted) = mapped(aws, region, finding) else {
        return false;
    };
    let is_complete = |incident: &IncidentView| {
        let whole = |table: &Table| incident.table(table.name).len() == table.rows.len();
        !incident.notes.is_empty() && wanted.tables.iter().all(whole)
    };
    let seen = |platform: &Platform| {
        let incidents = platform.incident_for_finding(finding);
        incidents.iter().any(is_complete)
    };
    platform.wait_for(seen, PATIENCE).await
}

fn print_incident(region: &str, incident: &IncidentView) {
    let severity = incident.severity.as_deref().unwrap_or("none");
    let name: String = incident.name.chars().take(86).collect();
    println!("   #{:<5} {severity:<7} {region:<15} {name}", incident.id);
}

/// A finding every few seconds, told when it has become an incident.
async fn news(platform: &Platform, aws: &Aws) {
    for (n, kind) in Aws::sample_kinds().iter().cycle().enumerate() {
        tokio::time::sleep(NEWS).await;
        let region = REGIONS[n % REGIONS.len()];
        let finding = aws.create_sample(region, kind);
        if escalated(platform, aws, region, &finding).await {
            print_incident(region, &platform.incident_for_finding(&finding)[0]);
        }
    }
}
