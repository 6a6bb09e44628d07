//! `customize`: our customizations on a platform, without losing anything of its own.

mod changes;
mod login;
mod preview;
mod question;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::config_file::ConfigFile;
use crate::config::Config;
use crate::customizations::{ancestor_only_functions, rivals};
use crate::soar::{PendingImport, Soar};
use changes::Changes;
use login::Login;
use question::Question;

/// Put the customizations into SOAR, after showing what would change.
///
/// They are the message destination, functions, workflows, rules, fields, data tables, artifact types and layout. Compares what the platform has with what is needed, shows what would change, and asks. Only what is missing is added:
/// fields, tables, rules and workflows that are there under the same names are kept, also those of the Python app, and
/// so is everything of yours. The worker's API key is added to the message destination, the heading and the tab to the
/// incident's layout. A second run changes nothing.
///
/// Needs an administrator: name one with --email, or an API key that may import with --api-key-id. Otherwise it logs in
/// as app.config says, and the worker's own key usually has no such permission.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct Customize {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    login: Login,
    /// Answer every question with yes
    #[arg(short, long)]
    yes: bool,
    /// Show what would change, and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Take our workflows in place of others under the same names, and over edits
    #[arg(long)]
    replace_workflows: bool,
    /// Leave the incident's layout alone
    #[arg(long)]
    no_layout: bool,
}

impl Customize {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (config, _) = match self.config.load() {
            Ok(loaded) => loaded,
            Err(code) => return Ok(code),
        };
        for warning in &config.warnings {
            eprintln!("warning: {warning}");
        }
        let credentials = self.login.credentials(&config.soar.credentials)?;
        let runtime = super::runtime()?;
        let config = &config;
        runtime.block_on(async {
            let (soar, worker) = self.login.connect(&config.soar, credentials).await?;
            self.customize(config, &soar, worker).await
        })
    }

    async fn customize(
        &self,
        config: &Config,
        soar: &Soar,
        worker: Option<crate::soar::Account>,
    ) -> anyhow::Result<ExitCode> {
        let platform = self.login.advise(soar.export_configuration().await)?;
        let changes = Changes::find(soar, &platform, worker, self).await;
        let changes = self.login.advise(changes)??;
        println!("SOAR at {}, organisation {}", config.soar.host, soar.org());
        print!("{}", preview::of(&changes));
        warn_of_rivals(&platform);
        let unserved = unserved(&platform);
        preview::warn_of_unserved(&unserved);
        if changes.are_none() {
            println!("nothing to do");
            return Ok(ExitCode::SUCCESS);
        }
        if self.dry_run {
            println!("nothing was changed (--dry-run)");
            return Ok(ExitCode::SUCCESS);
        }
        let question = Question::new(self.yes)?;
        if !unserved.is_empty() && !question.ask("Go on, although nobody would serve these?")? {
            return Ok(declined());
        }
        let import = self.begin_import(soar, &changes).await?;
        if !question.ask("Carry this out?")? {
            if let Some(import) = import {
                self.login.advise(soar.reject_import(import).await)?;
            }
            return Ok(declined());
        }
        self.carry_out(soar, import, &changes).await?;
        println!("done");
        Ok(ExitCode::SUCCESS)
    }

    /// Has the platform check what would be imported, and shows what it says.
    async fn begin_import(
        &self,
        soar: &Soar,
        changes: &Changes,
    ) -> anyhow::Result<Option<PendingImport>> {
        let Some(document) = &changes.plan.import else {
            return Ok(None);
        };
        let import = self.login.advise(soar.begin_import(document).await);
        let import = import.context(
            "nothing was changed: mend what SOAR names and try again, or import by hand what the command export writes",
        )?;
        for message in import.messages() {
            println!("SOAR says {message}");
        }
        Ok(Some(import))
    }

    async fn carry_out(
        &self,
        soar: &Soar,
        import: Option<PendingImport>,
        changes: &Changes,
    ) -> anyhow::Result<()> {
        const AGAIN: &str = "not everything is done: run customize again, it goes on from there";
        if let Some(import) = import {
            let accepted = self.login.advise(soar.accept_import(import).await);
            accepted.context(AGAIN)?;
        }
        // What was imported has its identity from the platform.
        let platform = soar.export_configuration().await;
        let platform = self.login.advise(platform).context(AGAIN)?;
        let applied = changes.apply(soar, &platform).await;
        self.login.advise(applied).context(AGAIN)?;
        let left = Changes::find(soar, &platform, changes.worker, self).await;
        let left = self.login.advise(left)??;
        if !left.are_none() {
            print!("{}", preview::of(&left));
            bail!(
                "SOAR took the changes, and these are still missing: compare with the roles of the login, and try again"
            );
        }
        Ok(())
    }
}

fn declined() -> ExitCode {
    println!("nothing was changed");
    ExitCode::FAILURE
}

fn warn_of_rivals(platform: &Value) {
    for rivals in rivals(platform) {
        println!(
            "warning: the playbook {:?} and the rule {:?} would both run: disable the playbook in SOAR (or the rule)",
            rivals.playbook, rivals.rule
        );
    }
}

fn unserved(platform: &Value) -> Vec<&'static str> {
    let functions = platform["functions"].as_array().into_iter().flatten();
    ancestor_only_functions(functions.filter_map(|function| function["name"].as_str()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        customize: Customize,
    }

    #[test]
    fn one_login_is_named_and_one_answer_given() {
        let parsed = Command::try_parse_from(["customize", "--email", "a@example.com", "-y"]);
        assert!(parsed.unwrap().customize.yes);
        for wrong in [
            ["customize", "--email", "a@example.com", "--api-key-id", "k"].as_slice(),
            &["customize", "--dry-run", "--yes"],
        ] {
            assert!(Command::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
