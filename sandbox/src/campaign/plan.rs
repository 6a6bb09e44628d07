//! What happens in a round: drawn from the campaign's seed and the round's number alone, so that a round replays.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// From the first start of the worker to the moment when everything is healed.
const SPAN: Duration = Duration::from_millis(4_500);
/// How many acts a round has.
const ACTS: std::ops::RangeInclusive<usize> = 8..=16;

/// A round before it is played.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Findings that are there when the worker starts.
    pub(super) findings: usize,
    /// Whether a second worker serves the same queue.
    pub(super) two_workers: bool,
    /// What a call of the platform's REST API takes: so long that a crash finds many under way.
    pub(super) latency: Duration,
    /// What happens, in order of time.
    pub(super) acts: Vec<(Duration, Act)>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// SIGKILL, and a start after a pause.
    Kill { second: bool, pause: Duration },
    /// SIGTERM, and a start after its end.
    Restart,
    /// The platform's REST API fails for a while.
    Soar(Trouble),
    /// AWS fails for a while.
    Aws(AwsTrouble),
    /// Something happens to the message broker.
    Broker(BrokerTrouble),
    /// AWS publishes findings.
    Publish(usize),
    /// AWS publishes a finding whose `updatedAt` is minutes old.
    PublishLate,
    /// Something happens to findings, chosen by the numbers among those it can happen to.
    Finding(Change, Vec<u64>),
    /// A message that is no invocation, or one of a function that is not there.
    Message(Odd),
    /// The state file is lost.
    LoseState,
    /// The state folder cannot be written until the end of the round.
    SpoilState,
}

/// How the REST API fails: which calls, how, how long.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trouble {
    pub(super) calls: Calls,
    pub(super) how: How,
    /// Every how manieth call.
    pub(super) every: u64,
    pub(super) lasts: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    All,
    Creates,
    Rows,
    Notes,
    Patches,
    Queries,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Status(u16),
    /// 429 that names a pause of a second.
    RetryAfter,
    /// The connection is closed before the call is carried out.
    CloseBefore,
    /// The call is carried out, its answer lost.
    CloseAfter,
    /// The call is carried out, its answer cut in the middle.
    CutAnswer,
    /// Milliseconds.
    Delay(u64),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum AwsTrouble {
    /// An error of AWS with its HTTP status.
    Error(u16, &'static str, Duration),
    CloseBefore(Duration),
    Delay(Duration),
    /// The second region is switched off for the account.
    DisabledRegion(Duration),
    /// The clock that dates findings goes wrong by so many seconds.
    Clock(i64),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum BrokerTrouble {
    /// All connections are lost.
    Cut,
    /// The connection is lost around the next frame of this kind.
    CutAt(&'static str, bool),
    /// What is not acknowledged comes again.
    Redeliver,
    /// An ERROR frame to everybody.
    Error,
    /// Neither reads nor writes.
    Freeze(Duration),
    /// Killed, and started again with its store.
    Down(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Seen again: the incident is to be refreshed.
    Update,
    /// Archived in `GuardDuty`: the incident is to be closed.
    Archive,
    /// Deleted in `GuardDuty`.
    Delete,
    /// The analyst closes the incident: the finding is to be archived.
    Close,
    /// The analyst refreshes from the incident's menu.
    Refresh,
    /// The analyst writes into fields that the worker writes too.
    Edit,
    /// The analyst deletes the incident.
    DeleteIncident,
    /// The analyst closes the incident; then the finding leaves the archive and is seen again.
    Revive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    NotJson,
    AList,
    NoFunction,
    UnknownFunction,
    NoInputs,
    NoReplyTo,
}

impl Plan {
    /// The round of this number of the campaign with this seed.
    pub(super) fn draw(seed: u64, round: u64, findings: usize) -> Self {
        // An odd factor keeps the seeds of neighbouring rounds and campaigns apart.
        let mixed = seed ^ (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rng = StdRng::seed_from_u64(mixed);
        let mut acts: Vec<(Duration, Act)> = (0..rng.random_range(ACTS))
            .map(|_| (SPAN.mul_f64(rng.random()), act(&mut rng)))
            .collect();
        // Crashes that find much under way: in the first escalation, and amid a later one.
        let burst = rng.random_range(findings / 4..=findings / 2);
        if rng.random_bool(0.6) {
            acts.push((millis(&mut rng, 50..1_500), kill(&mut rng)));
        }
        let at = SPAN.mul_f64(0.2 + 0.5 * rng.random::<f64>());
        acts.push((at, Act::Publish(burst)));
        if rng.random_bool(0.6) {
            acts.push((at + millis(&mut rng, 50..1_500), kill(&mut rng)));
        }
        acts.sort_by_key(|(at, _)| *at);
        // Now and then so many that each region has several pages in work.
        let findings = if rng.random_bool(0.15) {
            findings * 5
        } else {
            findings
        };
        Self {
            findings: rng.random_range(findings / 2..=findings * 3 / 4),
            two_workers: rng.random_bool(0.3),
            latency: millis(&mut rng, 0..120),
            acts,
        }
    }

    /// A round in which nothing happens.
    pub(super) fn calm() -> Self {
        Self {
            findings: 0,
            two_workers: false,
            latency: Duration::ZERO,
            acts: Vec::new(),
        }
    }

    /// Whether the worker loses its state, or cannot save it.
    pub(super) fn forgets(&self) -> bool {
        self.acts
            .iter()
            .any(|(_, act)| matches!(act, Act::LoseState | Act::SpoilState))
    }

    /// When everything is healed.
    pub(super) fn span() -> Duration {
        SPAN
    }
}

fn act(rng: &mut StdRng) -> Act {
    match rng.random_range(0..100) {
        0..10 => kill(rng),
        10..13 => Act::Restart,
        13..38 => Act::Soar(soar(rng)),
        38..48 => Act::Aws(aws(rng)),
        48..60 => Act::Broker(broker(rng)),
        60..66 => Act::Publish(rng.random_range(1..8)),
        66..68 => Act::PublishLate,
        68..92 => {
            let victims = (0..rng.random_range(1..5)).map(|_| rng.random()).collect();
            Act::Finding(change(rng), victims)
        }
        92..97 => Act::Message(odd(rng)),
        97..99 => Act::LoseState,
        _ => Act::SpoilState,
    }
}

fn kill(rng: &mut StdRng) -> Act {
    Act::Kill {
        second: rng.random_bool(0.15),
        pause: millis(rng, 0..400),
    }
}

fn soar(rng: &mut StdRng) -> Trouble {
    let calls = [
        Calls::All,
        Calls::Creates,
        Calls::Rows,
        Calls::Notes,
        Calls::Patches,
        Calls::Queries,
    ];
    let how = [
        How::Status(401),
        How::Status(403),
        How::Status(409),
        How::Status(400),
        How::Status(429),
        How::RetryAfter,
        How::Status(500),
        How::Status(503),
        How::CloseBefore,
        How::CloseAfter,
        How::CloseAfter,
        How::CutAnswer,
        How::Delay(rng.random_range(200..1_500)),
    ];
    let (calls, how) = (pick(rng, &calls), pick(rng, &how));
    // A note that the platform refuses for good is told in the log alone.
    let refused_note = how == How::Status(400) && matches!(calls, Calls::All | Calls::Notes);
    Trouble {
        calls: if refused_note { Calls::Creates } else { calls },
        how,
        every: rng.random_range(1..6),
        lasts: millis(rng, 100..2_000),
    }
}

fn aws(rng: &mut StdRng) -> AwsTrouble {
    let lasts = millis(rng, 100..2_000);
    let errors = [
        (429, "TooManyRequestsException"),
        (400, "ThrottlingException"),
        (500, "InternalServerErrorException"),
        (503, "ServiceUnavailable"),
        (403, "ExpiredTokenException"),
        (403, "AccessDeniedException"),
        (403, "UnrecognizedClientException"),
    ];
    match rng.random_range(0..10) {
        0..6 => {
            let (status, code) = pick(rng, &errors);
            AwsTrouble::Error(status, code, lasts)
        }
        6 => AwsTrouble::CloseBefore(lasts),
        7 => AwsTrouble::Delay(lasts),
        8 => AwsTrouble::DisabledRegion(lasts),
        _ => AwsTrouble::Clock(rng.random_range(-90..90)),
    }
}

fn broker(rng: &mut StdRng) -> BrokerTrouble {
    match rng.random_range(0..8) {
        0 => BrokerTrouble::Cut,
        1..4 => {
            let command = pick(rng, &["SEND", "ACK", "SUBSCRIBE"]);
            BrokerTrouble::CutAt(command, rng.random())
        }
        4 => BrokerTrouble::Redeliver,
        5 => BrokerTrouble::Error,
        6 => BrokerTrouble::Freeze(millis(rng, 100..2_000)),
        _ => BrokerTrouble::Down(millis(rng, 100..1_500)),
    }
}

fn change(rng: &mut StdRng) -> Change {
    match rng.random_range(0..20) {
        0..4 => Change::Update,
        4..8 => Change::Archive,
        8 => Change::Delete,
        9..13 => Change::Close,
        13..16 => Change::Refresh,
        16 => Change::Edit,
        17 => Change::DeleteIncident,
        _ => Change::Revive,
    }
}

fn odd(rng: &mut StdRng) -> Odd {
    let all = [
        Odd::NotJson,
        Odd::AList,
        Odd::NoFunction,
        Odd::UnknownFunction,
        Odd::NoInputs,
        Odd::NoReplyTo,
    ];
    pick(rng, &all)
}

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    *from.choose(rng).unwrap_or(&from[0])
}

fn millis(rng: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_replays_and_no_two_are_alike() {
        let draw = |seed, round| format!("{:?}", Plan::draw(seed, round, 50));
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(7, 4));
        assert_ne!(draw(7, 3), draw(8, 3));
    }

    #[test]
    fn a_hundred_rounds_have_everything() {
        let plans: Vec<Plan> = (0..100).map(|round| Plan::draw(1, round, 50)).collect();
        let all = format!("{plans:?}");
        let names = [
            "Kill",
            "Restart",
            "CloseAfter",
            "CutAnswer",
            "RetryAfter",
            "DisabledRegion",
            "Clock",
            "CutAt",
            "Redeliver",
            "Freeze",
            "Down",
            "PublishLate",
            "Revive",
            "DeleteIncident",
            "NotJson",
            "LoseState",
            "SpoilState",
        ];
        for name in names {
            assert!(all.contains(name), "{name}");
        }
        let findings: usize = plans.iter().map(|plan| plan.findings).sum();
        assert!(findings > 2_500, "{findings}");
    }
}
