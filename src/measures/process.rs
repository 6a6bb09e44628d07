//! What the kernel says of this process.

use std::fs;
use std::time::Duration;

/// The kernel counts processor time in hundredths of a second, on every machine (proc(5), `USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// What this process takes; what cannot be read counts as nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// Processor time so far.
    pub(super) processor: Duration,
    pub(super) resident_bytes: i64,
    pub(super) open_files: i64,
}

impl Process {
    pub(super) fn now() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let open_files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Self {
            processor: processor(&text("/proc/self/stat")).unwrap_or_default(),
            resident_bytes: resident(&text("/proc/self/status")).unwrap_or_default(),
            open_files: i64::try_from(open_files).unwrap_or_default(),
        }
    }
}

/// Fields 14 and 15, user and system. The name before them may hold anything, also blanks and parentheses.
fn processor(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11);
    let (user, system): (u32, u32) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    TICK.checked_mul(user.checked_add(system)?)
}

fn resident(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_misleads_nobody() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0";
        assert_eq!(processor(stat), Some(Duration::from_secs(3)));
        assert_eq!(processor("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_takes_something() {
        let process = Process::now();
        assert!(
            process.resident_bytes > 100_000 && process.open_files > 0,
            "{process:?}"
        );
    }
}
