//! How the functions did lately.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Runs of a function that are remembered.
const MOST: usize = 1000;
/// What counts for the rate.
const LATELY: Duration = Duration::from_mins(5);

/// The last runs of each function.
#[derive(Debug, Clone, Default)]
pub struct Recent(BTreeMap<String, VecDeque<(Instant, Duration)>>);

/// The last runs of one function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Runs {
    /// Runs a minute, over the last five.
    pub per_minute: f64,
    /// Half of the runs took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Recent {
    pub(super) fn took(&mut self, function: &str, took: Duration, now: Instant) {
        let runs = self.0.entry(function.to_owned()).or_default();
        if runs.len() == MOST {
            runs.pop_front();
        }
        runs.push_back((now, took));
    }

    /// The functions that ran, by name.
    pub fn by_function(&self, now: Instant) -> Vec<(&str, Runs)> {
        let told = |(name, runs): (_, &VecDeque<_>)| (String::as_str(name), Runs::of(runs, now));
        self.0.iter().map(told).collect()
    }
}

impl Runs {
    fn of(runs: &VecDeque<(Instant, Duration)>, now: Instant) -> Self {
        let mut times: Vec<Duration> = runs.iter().map(|(_, took)| *took).collect();
        times.sort_unstable();
        let part = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(rank).copied().unwrap_or_default()
        };
        let age = |(at, _): &(Instant, _)| now.duration_since(*at);
        let lately = runs.iter().filter(|run| age(run) <= LATELY).count();
        // Where more ran than are remembered, those remembered began later.
        let since = if lately == MOST {
            runs.front().map_or(LATELY, age)
        } else {
            LATELY
        };
        let lately = u32::try_from(lately).unwrap_or(u32::MAX);
        Self {
            per_minute: f64::from(lately) * 60.0 / since.as_secs_f64().max(1.0),
            median: part(50),
            p99: part(99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_runs_tell_rate_and_times() {
        let begin = Instant::now();
        let mut recent = Recent::default();
        for n in 1..=100 {
            let at = begin + Duration::from_secs(n * 6);
            recent.took("f", Duration::from_millis(n), at);
        }
        let now = begin + Duration::from_mins(10);
        let [("f", runs)] = recent.by_function(now)[..] else {
            panic!("{recent:?}");
        };
        assert_eq!((runs.median.as_millis(), runs.p99.as_millis()), (50, 99));
        assert!((runs.per_minute - 10.2).abs() < 0.01, "{runs:?}");
    }

    #[test]
    fn more_runs_than_are_remembered_make_no_lower_rate() {
        let begin = Instant::now();
        let mut recent = Recent::default();
        for n in 0..2000 {
            recent.took("f", Duration::ZERO, begin + Duration::from_millis(n * 10));
        }
        let runs = recent.by_function(begin + Duration::from_secs(20))[0].1;
        assert!((runs.per_minute - 6000.0).abs() < 10.0, "{runs:?}");
    }
}
