//! Plays the acts of a round.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::REGIONS;
use super::plan::{Act, AwsTrouble, BrokerTrouble, Calls, Change, How, Odd, Plan, Trouble};
use super::stage::{Ending, Fate, Stage, after, refuses_logins};
use crate::broker::Cut;
use crate::calls::Side;
use crate::faults::{Failure, Fault};
use crate::worker::{self, ARCHIVE};

/// How often it is looked after what is over and who has ended.
const PACE: Duration = Duration::from_millis(20);

impl Stage {
    /// Plays a round up to the moment when everything is healed.
    pub(super) async fn play(&mut self, plan: &Plan) -> io::Result<()> {
        self.publish(plan.findings);
        self.forgetful = plan.forgets();
        for which in 0..self.workers.len() {
            self.start(which)?;
        }
        let begin = Instant::now();
        for (at, act) in &plan.acts {
            self.wait_until(begin + *at).await?;
            tracing::debug!(?act, "act");
            self.act(act).await?;
        }
        self.wait_until(begin + Plan::span()).await?;
        self.heal().await?;
        // What was refused at its start by what is healed now has time to end, and is started again.
        self.wait_until(after(Duration::from_millis(500))).await?;
        self.refusing = false;
        Ok(())
    }

    async fn wait_until(&mut self, until: Instant) -> io::Result<()> {
        loop {
            self.end_what_is_over(Some(Instant::now())).await?;
            self.supervise()?;
            if Instant::now() >= until {
                return Ok(());
            }
            tokio::time::sleep_until(until.min(after(PACE))).await;
        }
    }

    async fn act(&mut self, act: &Act) -> io::Result<()> {
        self.refusing |= refuses_logins(act);
        match act {
            Act::Kill { second, pause } => self.kill(*second, *pause)?,
            // A second signal would end it at once.
            Act::Restart if self.stopping => {}
            Act::Restart => self.stopping = self.workers[0].terminate()?,
            Act::Soar(trouble) => {
                let id = self.sandbox.faults().inject(soar_fault(trouble));
                self.endings.push((after(trouble.lasts), Ending::Fault(id)));
            }
            Act::Aws(trouble) => self.trouble_aws(trouble),
            Act::Broker(trouble) => match &mut self.real {
                Some(_) => self.trouble_activemq(trouble).await?,
                None => self.trouble_broker(trouble).await,
            },
            Act::Publish(count) => self.publish(*count),
            Act::PublishLate => self.publish_late(),
            Act::Finding(change, picks) => self.change(*change, picks)?,
            Act::Message(odd) => self.send(*odd)?,
            Act::LoseState => self.workers[0].lose_state(),
            Act::SpoilState => self.workers[0].spoil_state()?,
        }
        Ok(())
    }

    fn kill(&mut self, second: bool, pause: Duration) -> io::Result<()> {
        let which = usize::from(second && self.workers.len() > 1);
        if self.workers[which].kill()? {
            self.kills += 1;
            self.stopping &= which != 0;
            let start = Ending::Start { second: which == 1 };
            self.endings.push((after(pause), start));
        }
        Ok(())
    }

    fn trouble_aws(&mut self, trouble: &AwsTrouble) {
        let (fault, lasts) = match trouble {
            AwsTrouble::Error(status, code, lasts) => (Fault::aws_error(*status, code), *lasts),
            AwsTrouble::CloseBefore(lasts) => (Fault::new(Side::Aws, Failure::CloseBefore), *lasts),
            AwsTrouble::Delay(lasts) => (Fault::new(Side::Aws, Failure::Delay(*lasts)), *lasts),
            AwsTrouble::DisabledRegion(lasts) => {
                self.sandbox.aws().disable_region(REGIONS[1]);
                self.endings.push((after(*lasts), Ending::Region));
                return;
            }
            AwsTrouble::Clock(seconds) => {
                self.clock_is_wrong = true;
                let skew = jiff::SignedDuration::from_secs(*seconds);
                self.sandbox
                    .aws()
                    .set_clock(move || jiff::Timestamp::now() + skew);
                return;
            }
        };
        let id = self.sandbox.faults().inject(fault);
        self.endings.push((after(lasts), Ending::Fault(id)));
    }

    async fn trouble_broker(&mut self, trouble: &BrokerTrouble) {
        let broker = &self.broker;
        match trouble {
            BrokerTrouble::Cut => {
                broker.cut_connections();
            }
            BrokerTrouble::CutAt(command, before) => {
                broker.cut_at_next(command, if *before { Cut::Before } else { Cut::After });
            }
            BrokerTrouble::Redeliver => {
                broker.redeliver_unacked(&self.queue());
            }
            BrokerTrouble::Error => broker.send_error("the broker is out of sorts"),
            BrokerTrouble::Freeze(lasts) => {
                broker.freeze(true);
                self.endings.push((after(*lasts), Ending::Thaw));
            }
            BrokerTrouble::Down(lasts) => {
                let is_down = |ending: &(Instant, Ending)| matches!(ending.1, Ending::BrokerUp);
                if !self.endings.iter().any(is_down) {
                    broker.shutdown().await;
                    self.endings.push((after(*lasts), Ending::BrokerUp));
                }
            }
        }
    }

    /// A real broker cannot be asked for all that the sandbox's can: it is killed or stopped in its tracks.
    async fn trouble_activemq(&mut self, trouble: &BrokerTrouble) -> io::Result<()> {
        let busy = |ending: &(Instant, Ending)| matches!(ending.1, Ending::BrokerUp | Ending::Thaw);
        let Some(real) = self
            .real
            .as_mut()
            .filter(|_| !self.endings.iter().any(busy))
        else {
            return Ok(());
        };
        match trouble {
            BrokerTrouble::Redeliver | BrokerTrouble::Error => {}
            BrokerTrouble::Freeze(lasts) => {
                real.activemq.freeze(true)?;
                self.endings.push((after(*lasts), Ending::Thaw));
            }
            BrokerTrouble::Cut | BrokerTrouble::CutAt(..) | BrokerTrouble::Down(_) => {
                let _nothing_under_way = real.relay.pause().await;
                real.activemq.kill()?;
                self.endings.push((after(PACE), Ending::BrokerUp));
            }
        }
        Ok(())
    }

    /// The queue of our functions.
    pub(super) fn queue(&self) -> String {
        worker::queue(&self.sandbox)
    }

    pub(super) fn change(&mut self, change: Change, picks: &[u64]) -> io::Result<()> {
        // A finding whose `updatedAt` goes back is no new activity.
        if self.clock_is_wrong && matches!(change, Change::Update | Change::Revive) {
            return Ok(());
        }
        let mut victims = Vec::new();
        for pick in picks {
            self.aim(&mut victims, change, *pick);
        }
        for id in victims {
            self.change_one(change, &id)?;
        }
        Ok(())
    }

    fn change_one(&mut self, change: Change, id: &str) -> io::Result<()> {
        let Some(region) = self.tracked.get(id).map(|tracked| tracked.region) else {
            return Ok(());
        };
        let aws = self.sandbox.aws().clone();
        let platform = self.sandbox.platform().clone();
        let incident = self.open_incident(id).unwrap_or_default();
        let refused = |refusal: crate::soar::Refusal| io::Error::other(refusal.to_string());
        match change {
            Change::Update => {
                aws.update_finding(region, id);
                self.settle_fate(id, Fate::Current);
            }
            Change::Archive => {
                aws.archive(region, id);
                self.settle_fate(id, Fate::Archived);
            }
            Change::Delete => {
                aws.delete(region, id);
                self.settle_fate(id, Fate::Deleted);
            }
            Change::Close => {
                platform
                    .close(incident, "Resolved", "seen to")
                    .map_err(refused)?;
                self.settle_fate(id, Fate::Closed);
            }
            Change::Refresh => {
                let rule = "Example: AWS GuardDuty: Refresh Finding Details";
                platform.run_menu_rule(incident, rule).map_err(refused)?;
            }
            Change::Edit => {
                let name = json!("seen by an analyst");
                platform
                    .set_field(incident, "name", &name)
                    .map_err(refused)?;
                let flag = json!(false);
                let field = "aws_guardduty_trigger_refresh";
                platform
                    .set_field(incident, field, &flag)
                    .map_err(refused)?;
            }
            Change::DeleteIncident => {
                platform.delete(incident).map_err(refused)?;
                self.settle_fate(id, Fate::IncidentDeleted);
            }
            Change::Revive => {
                // Closed without the rule, so that nothing archives the finding: what follows is new activity.
                let archived = json!("True");
                let field = "aws_guardduty_archived";
                platform
                    .set_field(incident, field, &archived)
                    .map_err(refused)?;
                platform
                    .close(incident, "Resolved", "seen to")
                    .map_err(refused)?;
                aws.update_finding(region, id);
                self.settle_fate(id, Fate::Revived);
            }
        }
        Ok(())
    }

    fn send(&mut self, odd: Odd) -> io::Result<()> {
        let platform = self.sandbox.platform();
        let invocation = platform.invocation(ARCHIVE, &json!({}));
        let mut invocation = invocation.map_err(|refusal| io::Error::other(refusal.to_string()))?;
        match odd {
            Odd::NotJson | Odd::AList | Odd::NoFunction => invocation.body = odd_body(odd),
            Odd::UnknownFunction => {
                invocation.body["function"]["name"] = json!("func_of_another_app");
            }
            Odd::NoInputs => invocation.body["inputs"] = Value::Null,
            Odd::NoReplyTo => invocation.headers.retain(|(name, _)| name != "reply-to"),
        }
        let text = match odd {
            Odd::NotJson => "{\"function\": ".to_owned(),
            _ => invocation.body.to_string(),
        };
        self.broker
            .publish(&invocation.queue, invocation.headers, text.into_bytes());
        if odd != Odd::NoReplyTo {
            self.odd.push(invocation.correlation_id);
        }
        Ok(())
    }
}

fn odd_body(odd: Odd) -> Value {
    match odd {
        Odd::AList => json!(["not", "an", "invocation"]),
        _ => json!({"function": {"id": 1}, "inputs": {}}),
    }
}

fn soar_fault(trouble: &Trouble) -> Fault {
    let failure = match trouble.how {
        How::Status(_) | How::RetryAfter => None,
        How::CloseBefore => Some(Failure::CloseBefore),
        How::CloseAfter => Some(Failure::CloseAfter),
        How::CutAnswer => Some(Failure::CutAnswer),
        How::Delay(millis) => Some(Failure::Delay(Duration::from_millis(millis))),
    };
    let fault = match (failure, trouble.how) {
        (Some(failure), _) => Fault::new(Side::Soar, failure),
        (None, How::Status(status)) => Fault::status(Side::Soar, status),
        (None, _) => Fault::status(Side::Soar, 429).header("Retry-After", "1"),
    };
    let fault = match trouble.calls {
        Calls::All => fault,
        Calls::Creates => fault.method("POST").path("/incidents$"),
        Calls::Rows => fault.path("/row_data$"),
        Calls::Notes => fault.path("/comments$"),
        Calls::Patches => fault.method("PATCH"),
        Calls::Queries => fault.path("/query"),
    };
    fault.every(trouble.every)
}
