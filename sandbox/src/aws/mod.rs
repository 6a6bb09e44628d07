//! A simulated AWS account: `GuardDuty`, EC2 `DescribeRegions` and STS `GetCallerIdentity`, every region on one endpoint.
//!
//! The region of a call is the one in the credential scope of its signature, as the official SDKs sign it, so a client
//! needs nothing but `AWS_ENDPOINT_URL` to be at home here. What the account's owner does, or what AWS does by itself,
//! is done through the methods of [`Aws`].

mod account;
mod changing;
mod console;
mod criteria;
mod error;
mod guardduty;
mod http_api;
mod listing;
mod overview;
mod query_api;
mod regions;
mod samples;
mod signature;
mod store;

pub(crate) use regions::commercial;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use account::Account;
pub use overview::{DetectorView, FindingsPage};
use tokio::sync::watch;

/// The account that [`Aws::new`] opens.
#[derive(Clone)]
pub struct AwsOptions {
    /// Twelve digits.
    pub account_id: String,
    /// The regions in which `GuardDuty` is switched on, with a detector each.
    pub regions: Vec<String>,
    /// The regions that the account may use, as `DescribeRegions` tells them. Empty: all regions of the partition
    /// (commercial, China or `GovCloud`) that the first of `regions` belongs to.
    pub enabled_regions: Vec<String>,
    /// The only access key that is let in.
    pub access_key_id: String,
    /// The secret that requests must be signed with.
    pub secret_access_key: String,
    /// Ids and addresses are drawn from it: the same seed gives the same account.
    pub seed: u64,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            account_id: "111122223333".to_owned(),
            regions: vec!["us-east-1".to_owned()],
            enabled_regions: Vec::new(),
            access_key_id: "AKIASANDBOX000000000".to_owned(),
            secret_access_key: "sandbox-secret-access-key".to_owned(),
            seed: 1,
        }
    }
}

/// How a refused call is told that there were too many: `GuardDuty` is known to use either name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThrottleError {
    /// `ThrottlingException`
    #[default]
    Throttling,
    /// `TooManyRequestsException`
    TooManyRequests,
}

/// Refuses calls for being too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// How many calls are refused before AWS answers again; `None` until it is told to.
    pub calls: Option<u32>,
    /// The name of the error.
    pub error: ThrottleError,
}

/// A simulated AWS account. Clones share it.
#[derive(Clone)]
pub struct Aws {
    account: Arc<Mutex<Account>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Aws {
    /// Opens an account without findings.
    pub fn new(options: AwsOptions) -> Self {
        Self {
            account: Arc::new(Mutex::new(Account::open(options))),
            changed: Arc::new(watch::Sender::new(0)),
        }
    }

    /// The endpoint of every service and region.
    pub fn router(&self) -> axum::Router {
        http_api::router(self.clone())
    }

    /// A panic in one test must not fail the others with a poisoned lock; every change is complete when it is released.
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
