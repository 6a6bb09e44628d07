//! The organization, its one API key and its one administrator.

use uuid::Uuid;

use super::incident::Principal;
use crate::broker::Access;

/// What an API key may be allowed to do, as far as it is told apart here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Permission {
    ReadData,
    ReadFunction,
    CreateIncident,
    ReadAllIncidents,
    EditAllIncidentsFields,
    EditAllIncidentsStatus,
}

impl Permission {
    /// What the worker's API key has at first.
    pub(crate) const ALL: [Self; 6] = [
        Self::ReadData,
        Self::ReadFunction,
        Self::CreateIncident,
        Self::ReadAllIncidents,
        Self::EditAllIncidentsFields,
        Self::EditAllIncidentsStatus,
    ];

    /// As the platform's handle of it is spelled.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadData => "read_data",
            Self::ReadFunction => "read_function",
            Self::CreateIncident => "create_incident",
            Self::ReadAllIncidents => "read_all_incidents",
            Self::EditAllIncidentsFields => "edit_all_incidents_fields",
            Self::EditAllIncidentsStatus => "edit_all_incidents_status",
        }
    }
}

/// Who may log in, and where to.
#[derive(Clone)]
pub(crate) struct Organization {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) api_key_id: String,
    pub(crate) api_key_secret: String,
    pub(crate) email: String,
    pub(crate) password: String,
}

impl Organization {
    pub(crate) fn generate() -> Self {
        Self {
            id: 201,
            name: "Sandbox Organization".to_owned(),
            uuid: Uuid::new_v4().to_string(),
            api_key_id: Uuid::new_v4().to_string(),
            api_key_secret: Uuid::new_v4().simple().to_string(),
            email: "admin@example.com".to_owned(),
            password: Uuid::new_v4().simple().to_string(),
        }
    }

    /// The API key or the administrator, when the secret is theirs.
    pub(crate) fn log_in(&self, login: &str, secret: &str) -> Option<Principal> {
        if login == self.api_key_id && secret == self.api_key_secret {
            return Some(self.api_key());
        }
        let known = login == self.email && secret == self.password;
        known.then(|| self.administrator())
    }

    /// Where a destination's definition lists a login that may use its queues, and the id it lists.
    pub(crate) fn reader(&self, login: &str) -> Option<(&'static str, u64)> {
        if login == self.api_key_id {
            return Some(("api_keys", self.api_key().id));
        }
        (login == self.email).then(|| ("users", self.administrator().id))
    }

    /// The destination whose invocations are read from a queue, or whose answers are written to it.
    pub(crate) fn destination_of<'q>(&self, access: Access, queue: &'q str) -> Option<&'q str> {
        let rest = queue.strip_prefix(match access {
            Access::Read => "actions.",
            Access::Write => "acks.",
        })?;
        rest.strip_prefix(&self.id.to_string())?.strip_prefix('.')
    }

    /// The worker's; what it may do is a matter of the state.
    pub(crate) fn api_key(&self) -> Principal {
        Principal {
            id: 5,
            kind: "apikey",
            name: self.api_key_id.clone(),
            display_name: "Sandbox worker".to_owned(),
            administrator: false,
        }
    }

    pub(crate) fn administrator(&self) -> Principal {
        Principal {
            id: 1,
            kind: "user",
            name: self.email.clone(),
            display_name: "Sandbox Administrator".to_owned(),
            administrator: true,
        }
    }
}
