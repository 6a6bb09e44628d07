use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const BOUNDS: Bounds = Bounds {
    interval: Duration::from_mins(10),
    regions_interval: Duration::from_hours(1),
    unready_after: Duration::from_mins(2),
    stall: Duration::from_mins(15),
};
const REGION: &str = "us-east-1";

/// A worker and its clock.
struct Worker {
    record: Record,
    start: Instant,
    now: Instant,
}

impl Worker {
    /// Logs in.
    fn new() -> Self {
        let start = Instant::now();
        Self {
            record: Record::new(start),
            start,
            now: start,
        }
    }

    /// Started, one region listed, nothing polled yet, not subscribed.
    fn started() -> Self {
        let mut worker = Self::new();
        worker.record.working(BOUNDS, true, Some(2), worker.now);
        worker.list();
        worker
    }

    /// Subscribed, and the region's first cycle has ended.
    fn at_work() -> Self {
        let mut worker = Self::started();
        worker.record.session(Session::subscribed);
        worker.region(Rounds::ended);
        assert_eq!(worker.reasons(), "");
        worker
    }

    fn list(&mut self) {
        let name = REGION.to_owned();
        self.record.regions_listed(&[&name], self.now);
    }

    fn region(&mut self, beat: impl FnOnce(&mut Rounds, Instant)) {
        let now = self.now;
        self.record.region(REGION, |rounds| beat(rounds, now));
    }

    fn fail(&mut self, reason: &str) {
        self.region(|rounds, now| rounds.failed(&reason, now));
    }

    fn lose(&mut self, reason: &str) {
        let now = self.now;
        self.record
            .session(|session| session.lost(Some(&reason), now));
    }

    fn later(&mut self, span: Duration) {
        self.now += span;
    }

    fn reasons(&self) -> String {
        let report = self.record.report(self.now);
        assert!(report.is_live(), "hangs: {:?}", report.stuck);
        report.unready.join("; ")
    }

    fn hangs(&self) -> String {
        self.record.report(self.now).stuck.join("; ")
    }
}

#[test]
fn who_waits_for_soar_says_so_and_lives() {
    let mut worker = Worker::new();
    assert_eq!(worker.reasons(), "SOAR: not logged in for 0 s");
    worker.record.login_failed(&"connection refused\nby peer");
    worker.later(MINUTE * 600);
    let reason = "SOAR: not logged in for 10 h: connection refused by peer";
    assert_eq!(worker.reasons(), reason);
}

#[test]
fn ready_is_who_has_subscribed_and_polled() {
    let mut worker = Worker::started();
    assert_eq!(
        worker.reasons(),
        "message broker: not subscribed for 0 s; region us-east-1: no cycle yet"
    );
    worker.record.session(Session::subscribed);
    worker.region(Rounds::progress);
    assert_eq!(worker.reasons(), "region us-east-1: no cycle yet");
    worker.region(Rounds::ended);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn a_long_first_import_is_ready_as_long_as_it_makes_progress() {
    let mut worker = Worker::started();
    worker.record.session(Session::subscribed);
    for _ in 0..50 {
        worker.region(Rounds::page_done);
        worker.later(BOUNDS.interval + BOUNDS.unready_after);
        worker.list();
        assert_eq!(worker.reasons(), "");
    }
    worker.later(SECOND);
    assert_eq!(worker.reasons(), "region us-east-1: no progress for 12 min");
}

#[test]
fn a_region_that_fails_is_unready_after_three_intervals_with_the_last_error() {
    let mut worker = Worker::at_work();
    for minute in 1..=31 {
        worker.later(MINUTE);
        // Each failed cycle brings a page on its way.
        worker.region(Rounds::page_done);
        worker.fail(&format!("AWS says no, {minute}"));
        let reasons = worker.reasons();
        assert_eq!(reasons.is_empty(), minute <= 30, "{minute}: {reasons}");
    }
    let reason = "region us-east-1: no complete cycle for 31 min: AWS says no, 31";
    worker.region(Rounds::page_done);
    assert_eq!(worker.reasons(), reason);
    worker.region(Rounds::ended);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn a_backlog_that_is_worked_off_without_a_failure_is_ready_in_the_end() {
    let mut worker = Worker::at_work();
    worker.later(MINUTE * 40);
    worker.fail("AWS says no");
    for minute in 0..=31 {
        worker.list();
        worker.region(Rounds::page_done);
        let reasons = worker.reasons();
        assert_eq!(reasons.is_empty(), minute > 30, "{minute}: {reasons}");
        worker.later(MINUTE);
    }
}

#[test]
fn a_region_that_never_had_a_cycle_is_unready_with_its_first_error() {
    let mut worker = Worker::started();
    worker.record.session(Session::subscribed);
    worker.fail("AccessDenied");
    let reason = "region us-east-1: no complete cycle for 0 s: AccessDenied";
    assert_eq!(worker.reasons(), reason);
}

#[test]
fn a_region_without_any_beat_hangs() {
    let mut worker = Worker::at_work();
    worker.later(BOUNDS.interval + BOUNDS.stall);
    assert_eq!(worker.hangs(), "");
    worker.later(SECOND);
    assert_eq!(worker.hangs(), "region us-east-1: no progress for 25 min");
    worker.region(Rounds::progress);
    assert_eq!(worker.hangs(), "");
}

#[test]
fn regions_that_cannot_be_listed_are_told() {
    let mut worker = Worker::new();
    worker.record.working(BOUNDS, true, None, worker.now);
    assert!(
        worker
            .reasons()
            .starts_with("poller: the regions are not listed yet")
    );
    worker.record.regions_not_listed(&"AuthFailure", worker.now);
    let reason = "list of regions: no complete listing for 0 s: AuthFailure";
    assert_eq!(worker.reasons(), reason);
    worker.record.regions_listed(&[], worker.now);
    let reason = "poller: aws_gd_regions matches none of the account's regions";
    assert_eq!(worker.reasons(), reason);
    worker.list();
    worker.region(Rounds::ended);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn a_region_that_is_gone_is_not_asked_for() {
    let mut worker = Worker::at_work();
    worker.fail("gone");
    let other = "eu-west-1".to_owned();
    worker.record.regions_listed(&[&other], worker.now);
    worker
        .record
        .region(&other, |rounds| rounds.ended(worker.now));
    worker.fail("a last cry");
    worker.later(BOUNDS.interval);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn a_broker_may_be_away_for_a_moment_only() {
    let mut worker = Worker::at_work();
    worker.lose("connection reset");
    worker.later(BOUNDS.unready_after);
    worker.lose("connection refused");
    assert_eq!(worker.reasons(), "");
    worker.later(SECOND);
    let reason = "message broker: not subscribed for 2 min: connection refused";
    assert_eq!(worker.reasons(), reason);
    worker.record.session(Session::subscribed);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn a_session_that_does_not_try_hangs() {
    let mut worker = Worker::at_work();
    worker.lose("connection reset");
    worker.later(BOUNDS.stall + SECOND);
    let reason = "message broker: no attempt to subscribe for 15 min: connection reset";
    assert_eq!(worker.hangs(), reason);
}

#[test]
fn a_function_that_runs_too_long_is_named_and_hangs_nothing() {
    let mut worker = Worker::at_work();
    let first = worker.record.functions().begin("refresh", worker.now);
    worker.later(BOUNDS.function() + SECOND);
    assert_eq!(worker.reasons(), "functions: refresh in hand for 10 min");
    worker.later(BOUNDS.stall);
    worker.region(Rounds::ended);
    assert_eq!(worker.reasons(), "functions: refresh in hand for 25 min");
    worker.record.functions().end(first, worker.now);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn a_listener_whose_workers_are_all_stuck_hangs() {
    let mut worker = Worker::at_work();
    let functions = worker.record.functions();
    let first = functions.begin("refresh", worker.now);
    functions.begin("archive", worker.now);
    worker.later(BOUNDS.stall + SECOND);
    let reason = "functions: all 2 are in hand, and none ended for 15 min";
    assert_eq!(worker.hangs(), reason);
    worker.record.functions().end(first, worker.now);
    assert_eq!(worker.hangs(), "");
}

#[test]
fn a_reload_is_no_outage() {
    let mut worker = Worker::at_work();
    worker.record.handing_over();
    worker.lose("disconnected");
    worker.later(MINUTE);
    assert_eq!(worker.reasons(), "");
    worker.record.working(BOUNDS, true, Some(2), worker.now);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn what_finishes_before_a_reload_does_not_hang() {
    let mut worker = Worker::at_work();
    worker.record.handing_over();
    worker.later(BOUNDS.interval + BOUNDS.stall + SECOND);
    assert_eq!(worker.reasons(), "region us-east-1: no progress for 25 min");
    worker.record.working(BOUNDS, true, Some(2), worker.now);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn what_is_switched_off_is_not_asked_for() {
    let mut worker = Worker::at_work();
    worker.fail("AWS says no");
    worker.lose("broker says no");
    worker.record.working(BOUNDS, false, None, worker.now);
    worker.later(MINUTE * 1000);
    assert_eq!(worker.reasons(), "");
}

#[test]
fn who_stops_takes_no_more_and_lives() {
    let mut worker = Worker::at_work();
    worker.record.stopping();
    worker.now = worker.start + MINUTE * 1000;
    assert_eq!(worker.reasons(), "the worker is stopping");
}
