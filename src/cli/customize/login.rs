//! Who customizes: an administrator, or an API key that may import.

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use secrecy::SecretString;

use crate::app;
use crate::config::{Credentials, SoarConfig};
use crate::measures::Calls;
use crate::soar::{Account, Soar, SoarError};

const PASSWORD: &str = "SOAR_PASSWORD";
const SECRET: &str = "SOAR_API_KEY_SECRET";

/// A login of the command's own.
#[derive(Debug, Args)]
pub(super) struct Login {
    /// Log in as this user
    ///
    /// The password is taken from the variable `SOAR_PASSWORD`, or asked for.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "api_key_id")]
    email: Option<String>,
    /// Log in with this API key
    ///
    /// Its secret is taken from the variable `SOAR_API_KEY_SECRET`, or asked for.
    #[arg(long, value_name = "ID")]
    api_key_id: Option<String>,
}

impl Login {
    /// Those that were given, and otherwise those of app.config.
    pub(super) fn credentials(&self, configured: &Credentials) -> anyhow::Result<Credentials> {
        Ok(match (&self.email, &self.api_key_id) {
            (Some(email), _) => Credentials::User {
                email: email.clone(),
                password: secret(PASSWORD, &format!("Password of {email}: "))?,
            },
            (None, Some(id)) => Credentials::ApiKey {
                id: id.clone(),
                secret: secret(SECRET, &format!("Secret of the API key {id}: "))?,
            },
            (None, None) => configured.clone(),
        })
    }

    /// Logs in with them, and finds out which account the worker has, for which it logs in as the worker.
    pub(super) async fn connect(
        &self,
        configured: &SoarConfig,
        credentials: Credentials,
    ) -> anyhow::Result<(Soar, Option<Account>)> {
        let worker = connect(configured)
            .await
            .context("could not log in as the worker")?;
        let account = worker.account().await;
        if !self.is_own() {
            return Ok((worker, account));
        }
        let own = SoarConfig {
            credentials,
            ..configured.clone()
        };
        match connect(&own).await {
            Ok(soar) => Ok((soar, account)),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn is_own(&self) -> bool {
        self.email.is_some() || self.api_key_id.is_some()
    }

    fn refused(&self, error: anyhow::Error) -> anyhow::Error {
        if !matches!(error.downcast_ref(), Some(SoarError::Unauthorized)) {
            return error;
        }
        match (&self.email, &self.api_key_id) {
            (Some(email), _) => anyhow!(
                "SOAR refused the login of {email}: check the address and the password ({PASSWORD} or what you typed)"
            ),
            (None, Some(id)) => anyhow!(
                "SOAR refused the API key {id}: check the id and the secret ({SECRET} or what you typed)"
            ),
            (None, None) => error,
        }
    }

    /// A refusal for lack of permission ends with what to do about it.
    pub(super) fn advise<T>(&self, outcome: Result<T, SoarError>) -> anyhow::Result<T> {
        outcome.map_err(|error| match error {
            SoarError::Forbidden { action, message } => anyhow!(
                "SOAR does not allow {action} ({message}): {}",
                if self.is_own() {
                    "this login is no administrator, use another"
                } else {
                    "the login of app.config is no administrator, name one with --email"
                }
            ),
            other => other.into(),
        })
    }
}

/// One attempt: somebody is waiting at the terminal.
async fn connect(config: &SoarConfig) -> anyhow::Result<Soar> {
    let once = SoarConfig {
        login_attempts: Some(1),
        ..config.clone()
    };
    let tls = app::soar_tls(config)?;
    Ok(Soar::connect(&once, tls, Calls::default(), |_| ()).await?)
}

/// From the variable, otherwise from the terminal without echo.
fn secret(variable: &str, prompt: &str) -> anyhow::Result<SecretString> {
    let given = match std::env::var(variable) {
        Ok(value) => value,
        Err(_) => rpassword::prompt_password(prompt)
            .map_err(|_| anyhow!("there is no terminal to ask on: set the variable {variable}"))?,
    };
    if given.is_empty() {
        bail!("{variable} is empty: set it, or unset it to be asked");
    }
    Ok(SecretString::from(given))
}
