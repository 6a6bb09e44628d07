//! How many calls a server gets at a time: fewer while it refuses them or has become slow, more again afterwards.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Within this time what a kind of call takes becomes the usual.
const HABIT: Duration = Duration::from_mins(10);
/// How much longer than usual calls take, on average, before there are too many of them.
const TOLERANCE: f64 = 2.0;
/// A difference below this is no sign of a load.
const SLACK: Duration = Duration::from_millis(50);
/// One call does not count for more: it may have met with something else than a load.
const MOST_SLOWNESS: f64 = 10.0;
/// How long the answers are gathered that one judgement rests on. The calls that are refused in this time are refused for one
/// and the same reason.
const WINDOW: Duration = Duration::from_secs(1);
/// So many calls of a kind count the same in what is usual, whenever they come.
const FIRST_CALLS: u32 = 20;
/// Kinds of calls that are kept apart. There are fewer.
const MOST_KINDS: usize = 100;

/// The calls to one server.
#[derive(Debug)]
pub struct Congestion {
    most: usize,
    limit: f64,
    usual: HashMap<String, Usual>,
    window: Window,
    refused: Option<Instant>,
}

/// What one kind of call usually takes.
#[derive(Debug)]
struct Usual {
    seconds: f64,
    calls: u32,
    at: Instant,
}

#[derive(Debug)]
struct Window {
    begin: Instant,
    calls: usize,
    /// Of all calls together: what they took, as a multiple of the usual.
    slowness: f64,
}

impl Congestion {
    /// At most so many calls at a time, and as many to begin with.
    pub fn new(most: usize, now: Instant) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let limit = most.max(1) as f64;
        Self {
            most: most.max(1),
            limit,
            usual: HashMap::new(),
            window: Window::new(now),
            refused: None,
        }
    }

    /// How many calls the server gets at a time when it can keep up; one at least.
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many calls the server gets at a time now; one at least.
    pub fn limit(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and `most`"
        )]
        let limit = self.limit as usize;
        limit.clamp(1, self.most)
    }

    /// A call of this kind was answered after that time.
    pub fn answered(&mut self, kind: &str, took: Duration, now: Instant) {
        self.window.calls += 1;
        self.window.slowness += self.slowness(kind, took, now);
        let whole = self.window.calls >= self.limit() && now - self.window.begin >= WINDOW;
        if whole {
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let slowness = self.window.slowness / self.window.calls as f64;
            if slowness > TOLERANCE {
                self.shrink((TOLERANCE / slowness).max(0.5));
            } else {
                #[expect(clippy::cast_precision_loss, reason = "a small number")]
                let most = self.most as f64;
                self.limit = (self.limit + 1.0).min(most);
            }
            self.window = Window::new(now);
        }
    }

    /// The server refused a call because there are too many.
    pub fn refused(&mut self, now: Instant) {
        if self.refused.is_none_or(|before| now - before >= WINDOW) {
            self.shrink(0.5);
            self.refused = Some(now);
        }
        self.window = Window::new(now);
    }

    fn shrink(&mut self, factor: f64) {
        self.limit = (self.limit * factor).max(1.0);
    }

    /// What the call took as a multiple of what its kind usually takes, in which it has a part from now on.
    fn slowness(&mut self, kind: &str, took: Duration, now: Instant) -> f64 {
        let seconds = took.as_secs_f64();
        if let Some(usual) = self.usual.get_mut(kind) {
            let slow = seconds - usual.seconds >= SLACK.as_secs_f64();
            let slowness = if slow { seconds / usual.seconds } else { 1.0 };
            usual.take(seconds, now);
            return slowness.min(MOST_SLOWNESS);
        }
        if self.usual.len() < MOST_KINDS {
            let usual = Usual {
                seconds,
                calls: 1,
                at: now,
            };
            self.usual.insert(kind.to_owned(), usual);
        }
        1.0
    }
}

impl Usual {
    fn take(&mut self, seconds: f64, now: Instant) {
        self.calls = self.calls.saturating_add(1);
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let weight = if self.calls <= FIRST_CALLS {
            1.0 / f64::from(self.calls)
        } else {
            1.0 - (-passed / HABIT.as_secs_f64()).exp()
        };
        self.seconds += (seconds - self.seconds) * weight;
        self.at = now;
    }
}

impl Window {
    fn new(begin: Instant) -> Self {
        Self {
            begin,
            calls: 0,
            slowness: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A server to which as many calls go as are let, and that takes so long for each.
    struct Server {
        congestion: Congestion,
        now: Instant,
    }

    impl Server {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                congestion: Congestion::new(16, now),
                now,
            }
        }

        fn answers(&mut self, kind: &str, took: Duration, during: Duration) -> usize {
            let end = self.now + during;
            while self.now < end {
                self.now += took;
                for _ in 0..self.congestion.limit() {
                    self.congestion.answered(kind, took, self.now);
                }
            }
            self.congestion.limit()
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn all_calls_are_let_where_nothing_changes() {
        let mut server = Server::new();
        assert_eq!(server.answers("GET /a", 20 * MS, 60 * SECOND), 16);
        // Another kind takes its own time.
        assert_eq!(server.answers("POST /b", 900 * MS, 60 * SECOND), 16);
        assert_eq!(
            server.answers("GET /a", 60 * MS, 60 * SECOND),
            16,
            "within the slack"
        );
    }

    #[test]
    fn a_server_that_becomes_slow_gets_fewer_calls_until_it_is_as_before() {
        let mut server = Server::new();
        server.answers("GET /a", 100 * MS, 60 * SECOND);
        assert!(server.answers("GET /a", 400 * MS, 10 * SECOND) <= 2);
        let after_a_while = server.answers("GET /a", 100 * MS, 5 * SECOND);
        assert!((4..16).contains(&after_a_while), "{after_a_while}");
        assert_eq!(server.answers("GET /a", 100 * MS, 20 * SECOND), 16);
    }

    #[test]
    fn what_stays_slow_is_the_usual_after_some_time() {
        let mut server = Server::new();
        server.answers("GET /a", 100 * MS, 60 * SECOND);
        assert_eq!(server.answers("GET /a", 400 * MS, 3600 * SECOND), 16);
    }

    #[test]
    fn refusals_of_one_moment_halve_the_calls_once_and_one_call_is_always_let() {
        let mut server = Server::new();
        for expected in [8, 4, 2, 1, 1] {
            for _ in 0..5 {
                server.congestion.refused(server.now);
            }
            assert_eq!(server.congestion.limit(), expected);
            server.now += SECOND;
        }
        assert_eq!(server.answers("GET /a", 20 * MS, 20 * SECOND), 16);
    }

    #[test]
    fn the_first_call_alone_is_not_the_usual() {
        let mut server = Server::new();
        // A cached answer, or one that needs no work.
        server.congestion.answered("GET /a", 2 * MS, server.now);
        assert_eq!(server.answers("GET /a", 200 * MS, 60 * SECOND), 16);
    }
}
