//! A look at the platform that changes nothing: what it is, what is configured, what this account may do.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::Call;
use super::exchange::exchange;
use super::wire::items;
use super::{Soar, SoarError};

/// What the platform tells of the account's own permissions; platforms differ in how much that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Permissions by name, such as `read_data`; empty where the platform does not name them.
    pub names: BTreeSet<String>,
    /// Whether incidents may be made.
    pub create_incidents: Option<bool>,
}

impl Soar {
    /// The platform's version, such as `51.0.0.0.9340`.
    pub async fn server_version(&self) -> Result<String, SoarError> {
        let answer = self.read_absolute("/const").await?;
        let version = answer["server_version"]["version"].as_str();
        version
            .map(str::to_owned)
            .ok_or_else(|| SoarError::Malformed {
                action: "GET /const".into(),
                reason: "it has no server_version".into(),
            })
    }

    /// What is configured below this path of the organisation: `/types/incident`.
    pub async fn configuration(&self, path: &str) -> Result<Value, SoarError> {
        self.call(Call::get(path)).await
    }

    /// What the platform tells of the account's permissions; nothing where it does not say.
    ///
    /// Since version 48 the session names them only when asked to, since 50 there is a list of their own (IBM's client).
    pub async fn grants(&self) -> Grants {
        let list = format!("/session/{}/acl", self.org_id());
        let (list, session) = tokio::join!(
            self.read_absolute(&list),
            self.read_absolute("/session?include_permissions=true")
        );
        let mut grants = Grants::default();
        if let Ok(list) = list {
            collect_names(&list, &mut grants.names);
        }
        if let Some(org) = session.ok().as_ref().and_then(|s| self.own(s)) {
            collect_names(&org["effective_permissions"], &mut grants.names);
            grants.create_incidents = org["perms"]["create_incs"].as_bool();
        }
        grants
    }

    /// One incident that is open, whole; `None` where the account sees none.
    pub async fn any_open_incident(&self) -> Result<Option<Value>, SoarError> {
        let body = json!({
            "filters": [{"conditions": [super::wire::equals("plan_status", "A")]}],
            "sorts": [{"field_name": "create_date", "type": "desc"}],
            "start": 0,
            "length": 1,
        });
        let path = "/incidents/query_paged?return_level=normal";
        let answer = self.call(Call::query(path, &body)).await?;
        match items(&answer)?
            .first()
            .and_then(|found| found["id"].as_i64())
        {
            Some(id) => self.incident(id).await.map(Some),
            None => Ok(None),
        }
    }

    fn own<'a>(&self, session: &'a Value) -> Option<&'a Value> {
        let orgs = session["orgs"].as_array()?;
        orgs.iter()
            .find(|org| org["id"].as_i64() == Some(self.org_id()))
    }

    /// A GET outside the organisation.
    async fn read_absolute(&self, path: &str) -> Result<Value, SoarError> {
        let headers = self.shared.session.read().await.headers.clone();
        let url = format!("{}{path}", self.shared.base);
        let request = self.shared.http.get(url).headers(headers);
        exchange(request, &format!("GET {path}")).await
    }
}

/// Every text, also the name of a member that is true: whichever way permissions are listed.
pub(super) fn collect_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            names.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Value::Object(members) => {
            for (name, member) in members {
                if *member == Value::Bool(true) {
                    names.insert(name.clone());
                }
                collect_names(member, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_listed() {
        for listed in [
            json!(["read_data", "read_function"]),
            json!({"permissions": [{"id": 1, "name": "read_data"}, {"name": "read_function"}]}),
            json!({"read_data": true, "read_function": true, "create_incident": false}),
        ] {
            let mut names = BTreeSet::new();
            collect_names(&listed, &mut names);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(names, ["read_data", "read_function"]);
        }
    }
}
