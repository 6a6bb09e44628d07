//! How long to wait before the next attempt.

use std::time::Duration;

/// A doubling delay between two bounds; it yields delays and never sleeps.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    factor: u32,
}

impl Backoff {
    /// `min` is the first delay, `max` the longest; a `max` below `min` counts as `min`.
    pub const fn new(min: Duration, max: Duration, factor: u32) -> Self {
        Self { min, max, factor }
    }

    /// Delay before attempt `attempt + 1` (0 = after the first failure): `min * factor^attempt`, at most `max`.
    pub fn delay(&self, attempt: u32) -> Duration {
        let max = self.max.max(self.min);
        self.factor
            .checked_pow(attempt)
            .and_then(|factor| self.min.checked_mul(factor))
            .map_or(max, |delay| delay.min(max))
    }

    /// The same, spread over the upper half of the delay by `random` in `[0, 1)`, so that many
    /// waiters do not return at once.
    pub fn jittered(&self, attempt: u32, random: f64) -> Duration {
        self.delay(attempt).mul_f64(0.5 + random / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn doubles_up_to_the_bound() {
        let backoff = Backoff::new(SECOND, 10 * SECOND, 2);
        let delays: Vec<u64> = (0..6).map(|n| backoff.delay(n).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
    }

    proptest! {
        #[test]
        fn stays_within_its_bounds(min in 1u64..5_000, max in 1u64..500_000, attempt: u32, random in 0.0f64..1.0) {
            let backoff = Backoff::new(Duration::from_millis(min), Duration::from_millis(max), 2);
            let highest = Duration::from_millis(max.max(min));
            prop_assert!(backoff.delay(attempt) >= Duration::from_millis(min));
            prop_assert!(backoff.delay(attempt) <= highest);
            prop_assert!(backoff.jittered(attempt, random) <= highest);
        }
    }
}
