//! What the worker remembers between starts: how far each detector is done, and what is set aside.
//!
//! One small JSON file, replaced atomically. Without a folder that can be written the state lives in
//! memory: after a start everything unarchived is then listed and matched again, and nothing is made twice.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::domain::{Cursor, Quarantine};
use crate::mutex::lock;

/// The file's name in the state folder.
pub const FILE_NAME: &str = "fn_aws_guardduty.state.json";
/// A crash within this time costs a second look at what was written since, never a finding.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How often a poller that waits for another looks again.
const LOCK_PAUSE: Duration = Duration::from_secs(2);

/// What is remembered of one detector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorState {
    /// How far it is done.
    #[serde(flatten)]
    pub cursor: Cursor,
    /// Findings that could not be written.
    #[serde(default, skip_serializing_if = "Quarantine::is_empty")]
    pub quarantine: Quarantine,
    /// Findings of open incidents that AWS does not have any more; their incidents say so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Document {
    /// The SOAR organisation it belongs to: another platform has none of the incidents.
    platform: String,
    /// By `region/detector`.
    #[serde(default)]
    detectors: BTreeMap<String, DetectorState>,
    /// Findings whose incident is being made, by `region/detector`: written down before the first call that makes
    /// something, so that after a crash all that was begun is found and finished.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    begun: BTreeMap<String, BTreeSet<String>>,
    /// The last poller left no call under way. Taken back while one is at work.
    #[serde(default)]
    ended: bool,
}

/// Another poller uses the state folder.
#[derive(Debug, thiserror::Error)]
#[error("a worker is at work with the state folder {}: stop it first", folder.display())]
pub struct InUse {
    folder: PathBuf,
}

/// The state of this worker; a clone is the same.
#[derive(Debug, Clone)]
pub struct StateStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: Option<PathBuf>,
    document: Mutex<Document>,
    /// Held while the file is written, on a thread of its own and never by a future: one that is not polled for a while
    /// would hold up all others.
    saving: Mutex<Saved>,
}

#[derive(Debug, Default)]
struct Saved {
    at: Option<Instant>,
    failed: bool,
}

impl StateStore {
    /// Reads the state from `folder`; `None` keeps it in memory. `platform` names the SOAR organisation:
    /// a file of another one is not used.
    pub fn open(folder: Option<&Path>, platform: &str) -> Self {
        let path = folder.map(|folder| folder.join(FILE_NAME));
        let mut document = path.as_deref().and_then(read).unwrap_or_default();
        if document.platform != platform {
            if !document.platform.is_empty() {
                tracing::warn!(
                    "the state file belongs to {}, starting afresh for {platform}",
                    document.platform
                );
            }
            document = Document {
                // A file of no platform says that nobody has worked here yet.
                ended: document.ended && document.platform.is_empty(),
                platform: platform.to_owned(),
                ..Document::default()
            };
        }
        Self(Arc::new(Inner {
            path,
            document: Mutex::new(document),
            saving: Mutex::default(),
        }))
    }

    /// The same state, from now on written to `folder`; `None` keeps it in memory.
    #[must_use]
    pub fn moved_to(&self, folder: Option<&Path>) -> Self {
        Self(Arc::new(Inner {
            path: folder.map(|folder| folder.join(FILE_NAME)),
            document: Mutex::new(self.lock().clone()),
            saving: Mutex::default(),
        }))
    }

    /// Whether this holds the state of `platform`, and no file does.
    pub fn is_only_here(&self, platform: &str) -> bool {
        let filed = self.0.path.is_some() && !lock(&self.0.saving).failed;
        !filed && self.lock().platform == platform
    }

    /// What is remembered of a detector.
    pub fn detector(&self, region: &str, detector: &str) -> DetectorState {
        self.lock()
            .detectors
            .get(&key(region, detector))
            .cloned()
            .unwrap_or_default()
    }

    /// Remembers a detector's state; [`Self::save`] writes it.
    pub fn remember(&self, region: &str, detector: &str, state: &DetectorState) {
        self.lock()
            .detectors
            .insert(key(region, detector), state.clone());
    }

    /// Writes down that the incidents of these findings are being made, before the first of them is; answers those that
    /// were not begun before.
    pub async fn begin(
        &self,
        region: &str,
        detector: &str,
        mut findings: Vec<String>,
    ) -> HashSet<String> {
        if !findings.is_empty() {
            let mut document = self.lock();
            let begun = document.begun.entry(key(region, detector)).or_default();
            findings.retain(|finding| begun.insert(finding.clone()));
        }
        if !findings.is_empty() {
            self.save(true).await;
        }
        findings.into_iter().collect()
    }

    /// The incident of a finding is whole, or nothing of it was made; [`Self::save`] writes it.
    pub fn finish(&self, region: &str, detector: &str, finding: &str) {
        let (mut document, key) = (self.lock(), key(region, detector));
        if let Some(begun) = document.begun.get_mut(&key) {
            begun.remove(finding);
            if begun.is_empty() {
                document.begun.remove(&key);
            }
        }
    }

    /// The findings whose incident was begun and is not known to be whole.
    pub fn begun(&self, region: &str, detector: &str) -> Vec<String> {
        let document = self.lock();
        let begun = document.begun.get(&key(region, detector));
        begun.into_iter().flatten().cloned().collect()
    }

    /// Writes down that a poller is at work. Answers whether the one before it may have left calls under way: it did not get to
    /// its end, or nothing tells.
    pub async fn start(&self) -> bool {
        let ended = std::mem::take(&mut self.lock().ended);
        self.save(true).await;
        !ended
    }

    /// Writes down that the poller has come to its end and left no call under way.
    pub async fn end(&self) {
        self.lock().ended = true;
        self.save(true).await;
    }

    /// Writes the file, at most once a second unless `now` is set. A failure is reported once and the
    /// worker goes on without the file.
    pub async fn save(&self, now: bool) {
        if self.0.path.is_none() {
            return;
        }
        let inner = Arc::clone(&self.0);
        let saved = tokio::task::spawn_blocking(move || inner.save(now));
        if let Err(error) = saved.await {
            tracing::warn!("the state could not be saved: {error}");
        }
    }

    /// Waits until no other poller uses the state folder; who drops the file lets the next one in. Two that poll the same would
    /// both make an incident of one finding.
    pub async fn alone(&self) -> Option<File> {
        let path = self.0.path.as_ref()?.with_extension("lock");
        let mut told = false;
        loop {
            match try_lock(&path) {
                Ok(file) => {
                    if told {
                        self.read_again();
                    }
                    return Some(file);
                }
                Err(TryLockError::WouldBlock) if told => {}
                Err(TryLockError::WouldBlock) => {
                    tracing::warn!(
                        "another worker polls with {}: this one serves functions, and polls when the other has ended; \
                         set aws_gd_polling_interval = 0 if that is meant to be so",
                        path.display()
                    );
                    told = true;
                }
                Err(TryLockError::Error(error)) => {
                    tracing::debug!("the file {} cannot be locked: {error}", path.display());
                    return None;
                }
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }

    /// As [`Self::alone`], for whom nobody is to wait.
    ///
    /// # Errors
    /// When another poller uses the state folder.
    pub fn alone_at_once(&self) -> Result<Option<File>, InUse> {
        let Some(path) = &self.0.path else {
            return Ok(None);
        };
        match try_lock(&path.with_extension("lock")) {
            Ok(file) => {
                self.read_again();
                Ok(Some(file))
            }
            Err(TryLockError::WouldBlock) => Err(InUse {
                folder: path.parent().unwrap_or(path).to_owned(),
            }),
            Err(TryLockError::Error(error)) => {
                tracing::debug!("the state folder cannot be locked: {error}");
                Ok(None)
            }
        }
    }

    /// Takes up what another worker has written since this one read the file.
    fn read_again(&self) {
        let platform = self.lock().platform.clone();
        let document = self.0.path.as_deref().and_then(read);
        if let Some(document) = document.filter(|document| document.platform == platform) {
            *self.lock() = document;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Document> {
        lock(&self.0.document)
    }
}

impl Inner {
    fn save(&self, now: bool) {
        let Some(path) = &self.path else { return };
        let mut saved = lock(&self.saving);
        if !now && saved.at.is_some_and(|at| at.elapsed() < SAVE_EVERY) {
            return;
        }
        let text = serde_json::to_vec(&*lock(&self.document));
        let outcome = text
            .map_err(std::io::Error::other)
            .and_then(|text| replace(path, &text));
        saved.at = Some(Instant::now());
        match outcome {
            Ok(()) => saved.failed = false,
            Err(error) if saved.failed => {
                tracing::debug!("the state file cannot be written: {error}");
            }
            Err(error) => {
                saved.failed = true;
                tracing::warn!(
                    "the state file {} cannot be written: {error}; set aws_gd_state_dir to a folder that can. \
                     Until then a restart looks at all unarchived findings of the look-back again",
                    path.display()
                );
            }
        }
    }
}

fn try_lock(path: &Path) -> Result<File, TryLockError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(TryLockError::Error)?;
    }
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(path);
    let file = file.map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

fn key(region: &str, detector: &str) -> String {
    format!("{region}/{detector}")
}

/// A file that cannot be read is kept aside for a look; the worker starts without it.
fn read(path: &Path) -> Option<Document> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(
                "the state file {} cannot be read: {error}; starting without it",
                path.display()
            );
            return None;
        }
    };
    serde_json::from_slice(&text)
        .inspect_err(|error| {
            let aside = path.with_extension("unreadable");
            tracing::warn!(
                "the state file {} is damaged: {error}; kept as {}",
                path.display(),
                aside.display()
            );
            let _ = std::fs::rename(path, &aside);
        })
        .ok()
}

/// Writes beside the file and renames, so that a crash leaves the old one or the new one.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::task::{Context, Waker};

    use super::*;

    fn finished() -> DetectorState {
        let mut state = DetectorState::default();
        state.cursor.finish("f1", "2026-01-01T00:00:00.000Z");
        state
    }

    #[tokio::test]
    async fn survives_a_restart_on_the_same_platform_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(Some(folder.path()), "soar/201");
        store.remember("eu-west-1", "d1", &finished());
        store.save(true).await;

        let again = StateStore::open(Some(folder.path()), "soar/201");
        assert_eq!(again.detector("eu-west-1", "d1"), finished());
        let other = StateStore::open(Some(folder.path()), "soar/202");
        assert_eq!(other.detector("eu-west-1", "d1"), DetectorState::default());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_for_another_worker_goes_on_from_what_that_one_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let first = StateStore::open(Some(folder.path()), "soar/201");
        let locked = first.alone().await.unwrap();
        let second = StateStore::open(Some(folder.path()), "soar/201");
        let (alone, ()) = tokio::join!(second.alone(), async {
            tokio::time::sleep(LOCK_PAUSE / 2).await;
            first.begin("r", "d", vec!["f1".into()]).await;
            drop(locked);
        });
        assert!(alone.is_some());
        assert_eq!(second.begun("r", "d"), ["f1"]);
        assert!(second.start().await);
    }

    #[tokio::test]
    async fn who_does_not_wait_is_told_of_the_worker_and_later_reads_what_it_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not/there/yet");
        let first = StateStore::open(Some(&folder), "soar/201");
        let locked = first.alone().await.unwrap();
        let second = StateStore::open(Some(&folder), "soar/201");
        let refused = second.alone_at_once().unwrap_err().to_string();
        assert!(
            refused.contains("not/there/yet: stop it first"),
            "{refused}"
        );
        first.begin("r", "d", vec!["f1".into()]).await;
        drop(locked);
        assert!(second.alone_at_once().unwrap().is_some());
        assert_eq!(second.begun("r", "d"), ["f1"]);
        let in_memory = StateStore::open(None, "soar/201");
        assert!(in_memory.alone_at_once().unwrap().is_none());
    }

    #[tokio::test]
    async fn what_was_begun_is_known_after_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(Some(folder.path()), "soar/201");
        let begun = |findings: &[&str]| findings.iter().map(ToString::to_string).collect();
        store.begin("r", "d", begun(&["f1", "f2"])).await;
        let new = store.begin("r", "d", begun(&["f2", "f3"])).await;
        assert_eq!(new, HashSet::from(["f3".to_owned()]));
        store.finish("r", "d", "f3");
        store.finish("r", "d", "f1");
        store.save(true).await;

        let again = StateStore::open(Some(folder.path()), "soar/201");
        assert_eq!(again.begun("r", "d"), ["f2"]);
    }

    #[tokio::test]
    async fn only_an_end_that_is_written_down_tells_that_no_call_is_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        let open = || StateStore::open(Some(folder.path()), "soar/201");
        assert!(open().start().await, "there is no file");
        assert!(open().start().await, "the poller before was killed");
        open().end().await;
        let after_an_end = open();
        assert!(!after_an_end.start().await);
        assert!(open().start().await, "that one was killed too");
        open().end().await;
        let elsewhere = StateStore::open(Some(folder.path()), "soar/202");
        assert!(elsewhere.start().await, "it tells of another platform");
        std::fs::write(&file, "{").unwrap();
        assert!(open().start().await, "the file is damaged");
        std::fs::write(&file, r#"{"platform": "", "ended": true}"#).unwrap();
        assert!(!open().start().await, "nobody has worked here yet");
    }

    #[tokio::test]
    async fn without_a_file_the_state_goes_on_in_memory() {
        let store = StateStore::open(None, "soar/201");
        assert!(store.start().await, "nothing tells");
        store.remember("r", "d", &finished());
        store.end().await;
        assert!(store.is_only_here("soar/201") && !store.is_only_here("soar/202"));
        let folder = tempfile::tempdir().unwrap();
        let next = store.moved_to(Some(folder.path()));
        assert!(!next.start().await);
        assert_eq!(next.detector("r", "d"), finished());
        assert!(!next.is_only_here("soar/201"), "it is in the folder now");

        std::fs::write(folder.path().join("file"), "").unwrap();
        let below = folder.path().join("file");
        let unwritable = StateStore::open(Some(&below), "soar/201");
        assert!(!unwritable.is_only_here("soar/201"), "not tried yet");
        unwritable.end().await;
        assert!(unwritable.is_only_here("soar/201"));
    }

    /// Pages of findings are futures of one task: while one result is taken in, the others are not polled.
    #[tokio::test]
    async fn a_save_that_nobody_polls_holds_up_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(Some(folder.path()), "soar/201");
        for number in 0..50 {
            let mut left = Box::pin(store.begin("r", "d", vec![format!("f{number}")]));
            let mut once = Context::from_waker(Waker::noop());
            assert!(left.as_mut().poll(&mut once).is_pending());
            let other = tokio::time::timeout(Duration::from_mins(1), store.save(true));
            other.await.expect("the other save ends");
            left.await;
        }
    }

    #[test]
    fn a_damaged_file_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "{\"platf").unwrap();
        let store = StateStore::open(Some(folder.path()), "soar/201");
        assert_eq!(store.detector("r", "d"), DetectorState::default());
        assert!(
            folder
                .path()
                .join("fn_aws_guardduty.state.unreadable")
                .exists()
        );
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let store = StateStore::open(Some(&file.join("below")), "soar/201");
        store.remember("r", "d", &finished());
        store.save(true).await;
        assert_eq!(store.detector("r", "d"), finished());
    }
}
