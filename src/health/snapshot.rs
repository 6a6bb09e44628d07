//! How each part of the worker stands at the moment, for the eye; what is to be thought of it, the report tells.

use std::collections::BTreeMap;

/// How one part stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is as it should be.
    pub good: bool,
    /// How it is, in words.
    pub text: String,
}

/// How the parts stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The login to SOAR.
    pub login: Standing,
    /// The session with the message broker; `None` where no functions are served.
    pub broker: Option<Standing>,
    /// The listing of the regions; `None` where nothing is polled.
    pub listing: Option<Standing>,
    /// The cycles of each region.
    pub regions: BTreeMap<String, Standing>,
    /// Functions that run now.
    pub functions_in_hand: usize,
}

impl Standing {
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self {
            good: true,
            text: text.into(),
        }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self {
            good: false,
            text: text.into(),
        }
    }
}
