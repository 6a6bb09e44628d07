//! The organization, its one API key and its one administrator.

use uuid::Uuid;

use super::incident::Principal;

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

    /// Whether the pair is the API key or the administrator's login.
    pub(crate) fn admits(&self, login: &str, secret: &str) -> bool {
        (login == self.api_key_id && secret == self.api_key_secret)
            || (login == self.email && secret == self.password)
    }

    /// The permissions of the worker's API key are reading, creating incidents and changing them.
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
