//! How long things may take before something is said.

use std::time::Duration;

use crate::config::Config;

/// Without any progress for this long, what does not wait hangs.
const STALL: Duration = Duration::from_mins(15);
/// No request to SOAR takes longer; most are given up long before.
const LONGEST_REQUEST: Duration = Duration::from_mins(5);
/// No pause between two attempts is longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
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
    /// Those of a configuration. A call that is repeated as long as it asks for does not hang.
    pub fn of(config: &Config) -> Self {
        let interval = config.guardduty.polling_interval.unwrap_or_default();
        let request = config.soar.request_timeout.max(LONGEST_REQUEST);
        let longest_call = (request + LONGEST_PAUSE).saturating_mul(config.soar.retries.attempts);
        Self {
            interval,
            regions_interval: config.guardduty.regions_interval.max(interval),
            unready_after: config.guardduty.unready_after,
            stall: longest_call.max(STALL),
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
