//! Changes that whoever watches the account is told of.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use tokio::sync::watch;

use super::Aws;
use super::account::Account;

/// The account while it is changed; when it is let go, those who watch look again.
pub(super) struct Changing<'a> {
    account: MutexGuard<'a, Account>,
    aws: &'a Aws,
}

impl Aws {
    /// Tells of every change of regions, detectors and findings from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn changing(&self) -> Changing<'_> {
        Changing {
            account: self.account(),
            aws: self,
        }
    }

    pub(super) fn tell_change(&self) {
        self.changed.send_modify(|n| *n += 1);
    }
}

impl Deref for Changing<'_> {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.account
    }
}

impl DerefMut for Changing<'_> {
    fn deref_mut(&mut self) -> &mut Account {
        &mut self.account
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.aws.tell_change();
    }
}
