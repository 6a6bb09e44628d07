//! What an administrator does: export and import the configuration, let accounts use a queue, arrange the layout.

use serde_json::{Value, json};

use super::call::Call;
use super::session::Account;
use super::{Soar, SoarError};

/// How often a change is tried that others keep crossing.
const CONFLICT_ATTEMPTS: u32 = 5;

/// The layout of the incident's tabs: its type, and its name among those of that type.
const INCIDENT_TABS: (u64, &str) = (7, "incident");

/// An import that the platform has checked and not carried out yet.
#[derive(Debug)]
pub struct PendingImport {
    answer: Value,
}

impl PendingImport {
    /// What the platform has to say about it, a line each.
    pub fn messages(&self) -> Vec<String> {
        let messages = self.answer["messages"].as_array().into_iter().flatten();
        messages
            .map(|message| {
                let text = message["text"].as_str().unwrap_or_default();
                match message["type"].as_str() {
                    Some(kind) => format!("{kind}: {text}"),
                    None => text.to_owned(),
                }
            })
            .collect()
    }
}

impl Soar {
    /// Everything that is configured, as an export document.
    pub async fn export_configuration(&self) -> Result<Value, SoarError> {
        let wanted =
            json!({"layouts": true, "actions": true, "phases_and_tasks": true, "playbooks": true});
        self.call(Call::create("/configurations/exports/", &wanted))
            .await
    }

    /// Has the platform check an import; nothing is changed yet.
    pub async fn begin_import(&self, document: &Value) -> Result<PendingImport, SoarError> {
        const PATH: &str = "/configurations/imports";
        let answer = self.call(Call::create(PATH, document)).await?;
        let pending = PendingImport { answer };
        match pending.answer["status"].as_str() {
            Some("PENDING") => Ok(pending),
            status => Err(SoarError::Rejected {
                action: format!("POST {PATH}"),
                status: 200,
                message: format!(
                    "the import is {}: {}",
                    status.unwrap_or("without a status"),
                    pending.messages().join("; ")
                ),
            }),
        }
    }

    /// Has the import carried out.
    pub async fn accept_import(&self, import: PendingImport) -> Result<(), SoarError> {
        self.settle(import, "ACCEPTED").await
    }

    /// Has the import forgotten.
    pub async fn reject_import(&self, import: PendingImport) -> Result<(), SoarError> {
        self.settle(import, "REJECTED").await
    }

    /// The object that the platform sent goes back with another status.
    async fn settle(&self, import: PendingImport, status: &str) -> Result<(), SoarError> {
        let mut body = import.answer;
        body["status"] = json!(status);
        let path = format!("/configurations/imports/{}", body["id"]);
        self.call(Call::replace(path, &body)).await?;
        Ok(())
    }

    /// Whether the accounts that may use a message destination include this one; `None` where there is no such
    /// destination.
    pub async fn may_use(
        &self,
        destination: &str,
        account: Account,
    ) -> Result<Option<bool>, SoarError> {
        let found = self.destination(destination).await?;
        Ok(found.map(|found| with_account(&found, account).is_none()))
    }

    /// Lets an account use a message destination, beside those that may already.
    pub async fn let_use(&self, destination: &str, account: Account) -> Result<(), SoarError> {
        let found = self.destination(destination).await?;
        let found = found.ok_or_else(|| SoarError::NotFound {
            action: format!("message destination {destination}"),
        })?;
        let path = format!("/message_destinations/{}", found["id"]);
        self.change(&path, |found| with_account(found, account))
            .await
    }

    async fn destination(&self, name: &str) -> Result<Option<Value>, SoarError> {
        let answer = self.call(Call::get("/message_destinations")).await?;
        let mut destinations = answer["entities"].as_array().into_iter().flatten();
        let named = |found: &&Value| found["programmatic_name"] == name;
        Ok(destinations.find(named).cloned())
    }

    /// The layout of the incident's tabs, when the platform has one.
    pub async fn incident_tabs(&self) -> Result<Option<Value>, SoarError> {
        let (kind, name) = INCIDENT_TABS;
        let answer = self
            .call(Call::get(format!("/layouts?type={kind}")))
            .await?;
        let layouts = answer.as_array().or(answer["entities"].as_array());
        let mut layouts = layouts.into_iter().flatten();
        Ok(layouts.find(|layout| layout["name"] == name).cloned())
    }

    /// Changes the layout of the incident's tabs, which was read as `layout`; `None` from `change` leaves it as it is.
    pub async fn change_incident_tabs(
        &self,
        layout: &Value,
        change: impl Fn(&Value) -> Option<Value> + Send + Sync,
    ) -> Result<(), SoarError> {
        self.change(&format!("/layouts/{}", layout["id"]), change)
            .await
    }

    /// Reads an object, changes it and puts it back; from the start again where somebody else was faster.
    async fn change(
        &self,
        path: &str,
        change: impl Fn(&Value) -> Option<Value> + Send + Sync,
    ) -> Result<(), SoarError> {
        let mut attempt = 0;
        loop {
            let object = self.call(Call::get(path)).await?;
            let Some(changed) = change(&object) else {
                return Ok(());
            };
            match self.call(Call::replace(path, &changed)).await {
                Err(error @ SoarError::Conflict { .. }) if attempt + 1 < CONFLICT_ATTEMPTS => {
                    self.pause(attempt, &error).await;
                    attempt += 1;
                }
                outcome => return outcome.map(|_| ()),
            }
        }
    }
}

/// The destination with the account in its list; `None` where it is in it already.
fn with_account(destination: &Value, account: Account) -> Option<Value> {
    let (list, id) = match account {
        Account::ApiKey(id) => ("api_keys", id),
        Account::User(id) => ("users", id),
    };
    let mut accounts = destination[list].as_array().cloned().unwrap_or_default();
    if accounts.iter().any(|known| known.as_i64() == Some(id)) {
        return None;
    }
    accounts.push(json!(id));
    let mut changed = destination.clone();
    changed[list] = Value::from(accounts);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_joins_those_that_are_there() {
        let destination = json!({"id": 9, "name": "fn_aws_gd", "api_keys": [3], "users": null});
        let key = with_account(&destination, Account::ApiKey(5)).unwrap();
        assert_eq!(key["api_keys"], json!([3, 5]));
        let user = with_account(&key, Account::User(1)).unwrap();
        assert_eq!(
            user,
            json!({"id": 9, "name": "fn_aws_gd", "api_keys": [3, 5], "users": [1]})
        );
        assert_eq!(with_account(&user, Account::ApiKey(3)), None);
    }

    #[test]
    fn messages_are_told_with_their_kind() {
        let pending = PendingImport {
            answer: json!({"id": 7, "messages": [{"type": "INFO", "text": "2 fields"}, {"text": "odd"}]}),
        };
        assert_eq!(pending.messages(), ["INFO: 2 fields", "odd"]);
    }
}
