//! Asking somebody at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

/// Whoever answers: somebody at the terminal, or `--yes`.
pub(super) struct Question {
    yes: bool,
}

impl Question {
    /// # Errors
    /// When there is nobody to ask.
    pub(super) fn new(yes: bool) -> anyhow::Result<Self> {
        if !yes && !io::stdin().is_terminal() {
            bail!(
                "nothing was changed, since there is no terminal to ask on: look at the above and say --yes"
            );
        }
        Ok(Self { yes })
    }

    /// Asks until the answer is yes or no; the end of input is a no.
    pub(super) fn ask(&self, question: &str) -> anyhow::Result<bool> {
        if self.yes {
            return Ok(true);
        }
        loop {
            print!("{question} (y/n): ");
            io::stdout().flush()?;
            let mut answer = String::new();
            let read = io::stdin().lock().read_line(&mut answer);
            if read.context("the answer could not be read: say --yes instead")? == 0 {
                return Ok(false);
            }
            match answer.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => {}
            }
        }
    }
}
