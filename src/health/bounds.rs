//! How long things may take before something is said.

use std::time::Duration;

use crate::config::Config;
use crate::guardduty;
use crate::soar::{LONGEST_PAUSE, LOST_ATTEMPTS, MAKING_TIMEOUT};

/// Without any progress for this long, what does not wait hangs.
const STALL: Duration = Duration::from_mins(15);
/// How many times as long as a broker may be away a function may run.
const FUNCTION_FACTOR: u32 = 5;
/// How many polling intervals a region may be without a cycle that got to its end.
const INTERVALS: u32 = 3;

/// How long things may take before something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Pause between two cycles of a region.
    pub interval: Duration,
    /// Pause between two listings of the regions.
    pub regions_interval: Duration,
    /// `aws_gd_unready_after`.
    pub unready_after: Duration,
    /// Without any progress for this long the process is not alive.
    pub stall: Duration,
}

impl Bounds {
    /// Those of a configuration.
    pub fn of(config: &Config) -> Self {
        let interval = config.guardduty.polling_interval.unwrap_or_default();
        Self {
            interval,
            regions_interval: config.guardduty.regions_interval.max(interval),
            unready_after: config.guardduty.unready_after,
            stall: STALL.max(longest_call(config)),
        }
    }

    /// How long work that comes round in this interval may go without getting to its end.
    pub(super) fn round(&self, interval: Duration) -> Duration {
        interval.saturating_mul(INTERVALS).max(self.unready_after)
    }

    /// How long a function may run.
    pub(super) fn function(&self) -> Duration {
        self.unready_after.saturating_mul(FUNCTION_FACTOR)
    }
}

/// A call that takes as long as the configuration lets it does not hang.
fn longest_call(config: &Config) -> Duration {
    let making = config.soar.request_timeout.max(MAKING_TIMEOUT);
    // One is repeated where the platform refuses it, or sent anew where its answer was lost.
    let made = config.soar.retries.attempts.max(LOST_ATTEMPTS);
    let calls = [
        (making, made),
        (config.guardduty.request_timeout, guardduty::ATTEMPTS),
        (config.stomp.connect_timeout, 1),
    ];
    let longest = calls.map(|(request, attempts)| {
        let attempt = request.saturating_add(LONGEST_PAUSE);
        attempt.saturating_mul(attempts)
    });
    longest.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EXAMPLE, Lookups, parse};

    /// A machine that has the example's secrets.
    struct Machine;

    impl Lookups for Machine {
        fn variable(&self, name: &str) -> Option<String> {
            name.contains("SECRET").then(|| "a secret".to_owned())
        }

        fn file(&self, _: &std::path::Path) -> std::io::Result<String> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }

    fn bounds(resilient: &str, guardduty: &str) -> Bounds {
        let text = EXAMPLE
            .replace("[resilient]\n", &format!("[resilient]\n{resilient}\n"))
            .replace(
                "[fn_aws_guardduty]\n",
                &format!("[fn_aws_guardduty]\n{guardduty}\n"),
            );
        Bounds::of(&parse(&text, &Machine).unwrap())
    }

    #[test]
    fn what_a_configuration_allows_does_not_hang() {
        let minutes =
            |resilient: &str, guardduty: &str| bounds(resilient, guardduty).stall.as_secs() / 60;
        assert_eq!(minutes("request_max_retries = 1", ""), 30);
        assert_eq!(minutes("request_max_retries = 5", ""), 30);
        assert_eq!(minutes("", "timeout = 540"), 60);
        assert!(minutes("request_max_retries = -1", "") > 60);
    }

    #[test]
    fn the_defaults_are_those_that_the_example_tells() {
        let bounds = bounds("", "");
        assert_eq!(bounds.round(bounds.interval), Duration::from_mins(30));
        assert_eq!(bounds.round(Duration::from_secs(1)), Duration::from_mins(2));
        assert_eq!(bounds.function(), Duration::from_mins(10));
    }
}
