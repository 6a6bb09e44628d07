//! What the console shows: detectors with their counts, and findings a page at a time.

use serde_json::Value;

use super::Aws;
use super::account::Detector;
use super::store::FindingStore;

/// A detector and how many findings it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorView {
    /// Its region.
    pub region: String,
    /// Its id.
    pub id: String,
    /// How many of its findings are current.
    pub current: usize,
    /// How many are archived.
    pub archived: usize,
}

/// A part of a region's findings.
#[derive(Debug, Clone, Default)]
pub struct FindingsPage {
    /// How many there are on all pages.
    pub total: usize,
    /// The findings of this page as the API tells them.
    pub findings: Vec<Value>,
}

impl Aws {
    /// The detectors by region.
    pub fn detectors(&self) -> Vec<DetectorView> {
        let account = self.account();
        let detectors = account.detectors.iter();
        let count = |store: &FindingStore, archived| store.by_update(Some(archived)).len();
        let view = |(region, detector): (&String, &Detector)| DetectorView {
            region: region.clone(),
            id: detector.id.clone(),
            current: count(&detector.findings, false),
            archived: count(&detector.findings, true),
        };
        detectors.map(view).collect()
    }

    /// Findings of a region, the last updated first: the current ones, the archived ones, or both.
    pub fn findings_page(
        &self,
        region: &str,
        archived: Option<bool>,
        skip: usize,
        take: usize,
    ) -> FindingsPage {
        let account = self.account();
        let Some(detector) = account.detectors.get(region) else {
            return FindingsPage::default();
        };
        let store = &detector.findings;
        let positions = store.by_update(archived);
        let shown = positions.iter().rev().skip(skip).take(take);
        let stored = shown.filter_map(|(_, id)| store.stored(id));
        FindingsPage {
            total: positions.len(),
            findings: stored.map(|stored| stored.finding.clone()).collect(),
        }
    }
}
