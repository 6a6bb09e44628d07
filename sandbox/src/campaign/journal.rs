//! How far a campaign has come: a file, so that a long one can be stopped and goes on where it was.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The sums over all rounds so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Rounds played.
    pub rounds: u64,
    /// Findings published.
    pub findings: u64,
    /// Incidents there were at the end of the rounds.
    pub incidents: u64,
    /// Workers killed by SIGKILL.
    pub kills: u64,
    /// Faults injected, broker troubles and other acts.
    pub acts: u64,
    /// Workflows that ran to an answer.
    pub functions: u64,
    /// Those of them that the worker answered with an error, as it may while what it needs is away.
    pub functions_failed: u64,
    /// Calls that the platform and AWS were asked.
    pub calls: u64,
    /// Starts that ended since the login was refused.
    pub refused_starts: u64,
    /// Rounds in which something was wrong.
    pub failed: Vec<u64>,
}

/// The file of a campaign.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    seed: u64,
    findings: usize,
    totals: Totals,
}

/// Saves the sums after each round.
#[derive(Debug)]
pub(super) struct Journal {
    path: Option<PathBuf>,
    document: Document,
}

impl Journal {
    /// Goes on where the file says, if it is of the same campaign.
    ///
    /// # Errors
    /// When there is a file of another campaign, which must not be mixed with this one.
    pub(super) fn open(path: Option<&Path>, seed: u64, findings: usize) -> io::Result<Self> {
        let fresh = Document {
            seed,
            findings,
            totals: Totals::default(),
        };
        let read = path.filter(|path| path.exists()).map(std::fs::read);
        let document = match read {
            None => fresh,
            Some(text) => serde_json::from_slice::<Document>(&text?).map_err(io::Error::other)?,
        };
        if (document.seed, document.findings) != (seed, findings) {
            return Err(io::Error::other(format!(
                "the progress file is of seed {} with {} findings a round; take another file",
                document.seed, document.findings
            )));
        }
        let path = path.map(Path::to_owned);
        Ok(Self { path, document })
    }

    pub(super) fn totals(&self) -> &Totals {
        &self.document.totals
    }

    pub(super) fn record(&mut self, round: impl FnOnce(&mut Totals)) -> io::Result<()> {
        round(&mut self.document.totals);
        let Some(path) = &self.path else {
            return Ok(());
        };
        let beside = path.with_extension("new");
        std::fs::write(&beside, serde_json::to_string_pretty(&self.document)?)?;
        std::fs::rename(beside, path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_goes_on_and_is_not_mixed_with_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress.json");
        let mut journal = Journal::open(Some(&path), 7, 50).unwrap();
        journal.record(|totals| totals.rounds += 1).unwrap();
        let again = Journal::open(Some(&path), 7, 50).unwrap();
        assert_eq!(again.totals().rounds, 1);
        assert!(Journal::open(Some(&path), 8, 50).is_err());
    }
}
