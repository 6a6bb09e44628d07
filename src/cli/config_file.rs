//! `--config`, which every command has that works with a platform, and a flag for each key of `[resilient]`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{Config, ConfigErrors, Flag, KnownKey, known_keys, load};

/// Exit code for a configuration that cannot be used (`EX_USAGE`).
pub(super) const BAD_CONFIG: u8 = 64;

/// Which configuration is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct ConfigFile {
    /// The configuration file
    ///
    /// Without it: the variable `APP_CONFIG_FILE`, ./app.config, ~/.resilient/app.config, in this order.
    #[arg(long, visible_alias = "config-file", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

impl ConfigFile {
    /// The configuration and the file it was read from; otherwise every mistake is told and the exit code returned.
    pub(super) fn load(&self) -> Result<(Config, PathBuf), ExitCode> {
        self.read().map_err(|errors| {
            eprintln!("{errors}");
            ExitCode::from(BAD_CONFIG)
        })
    }

    /// As [`load`](Self::load), told to nobody. May be called again when the file has changed.
    pub(super) fn read(&self) -> Result<(Config, PathBuf), ConfigErrors> {
        load::load(self.config.clone(), &self.flags.0)
    }
}

/// What the command line sets in place of the file.
#[derive(Debug, Clone, Default)]
struct Flags(Vec<Flag>);

struct KeyFlag {
    key: KnownKey,
    id: String,
    long: String,
}

/// Accounts are no flags: some commands have a login of their own.
static KEYS: LazyLock<Vec<KeyFlag>> = LazyLock::new(|| {
    known_keys()
        .into_iter()
        .filter(|key| !["api_key_id", "email"].contains(&key.name))
        .map(|key| KeyFlag {
            key,
            id: format!("resilient.{}", key.name),
            long: key.name.replace('_', "-"),
        })
        .collect()
});

impl KeyFlag {
    fn arg(&'static self) -> Arg {
        let help = format!("In place of {} in [resilient]", self.key.name);
        let arg = Arg::new(self.id.as_str())
            .long(self.long.as_str())
            .value_name("VALUE")
            .help(help.clone())
            // The manual pages have no other for what the short help hides.
            .long_help(help)
            .help_heading("Settings of [resilient]")
            .hide_short_help(true)
            .hide(self.key.secret || !self.key.effective)
            .action(ArgAction::Set)
            .allow_hyphen_values(true);
        let arg = if self.long == self.key.name {
            arg
        } else {
            arg.alias(self.key.name)
        };
        // A secret is refused with or without a value.
        if self.key.secret {
            arg.num_args(0..=1)
        } else {
            arg
        }
    }

    fn flag(&self, matches: &ArgMatches) -> Option<Flag> {
        let id = self.id.as_str();
        let given = matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
        let value = matches.get_one::<String>(id).filter(|_| !self.key.secret);
        given.then(|| Flag {
            key: self.key.name.to_owned(),
            value: value.cloned().unwrap_or_default(),
        })
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(KEYS.iter().map(KeyFlag::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = KEYS.iter().filter_map(|key| key.flag(matches));
        Ok(Self(flags.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        file: ConfigFile,
    }

    fn given(arguments: &[&str]) -> ConfigFile {
        let line = std::iter::once("test").chain(arguments.iter().copied());
        Line::try_parse_from(line).unwrap().file
    }

    fn in_folder(arguments: &[&str], read: impl FnOnce(Result<(Config, PathBuf), ConfigErrors>)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.config");
        let text = "[resilient]\nhost=h\norg=o\nemail=e\npassword=p\nnum_workers=3\n[fn_aws_guardduty]\naws_gd_master_region=us-east-1\naws_gd_regions=us\n";
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        let arguments: Vec<&str> = ["--config", &path]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        read(given(&arguments).read());
    }

    #[test]
    fn a_flag_beats_the_file_in_either_spelling() {
        let arguments = [
            "--num-workers",
            "7",
            "--stomp_host",
            "broker",
            "--max-connection-retries",
            "-1",
        ];
        in_folder(&arguments, |read| {
            let (config, _) = read.unwrap();
            assert_eq!(config.stomp.num_workers, 7);
            assert_eq!(
                (config.soar.host.as_str(), config.stomp.host.as_str()),
                ("h", "broker")
            );
        });
        in_folder(&["--num_workers=many"], |read| {
            let errors = read.unwrap_err().to_string();
            assert!(
                errors.contains(
                    "[resilient] num_workers (flag --num_workers): `many` cannot be used"
                ),
                "{errors}"
            );
        });
    }

    #[test]
    fn a_secret_on_the_command_line_is_refused_and_not_shown() {
        for arguments in [
            &["--password", "hunter2"][..],
            &["--api-key-secret=hunter2"],
            &["--proxy_password", "hunter2"],
            &["--password"],
        ] {
            let file = given(arguments);
            assert!(!format!("{file:?}").contains("hunter2"));
            in_folder(arguments, |read| {
                let errors = read.unwrap_err().to_string();
                assert!(errors.contains("every user of this machine"), "{errors}");
                assert!(!errors.contains("hunter2"), "{errors}");
            });
        }
    }

    #[test]
    fn flags_fill_the_long_help_alone() {
        use clap::CommandFactory as _;
        let short = Line::command().render_help().to_string();
        let long = Line::command().render_long_help().to_string();
        assert!(!short.contains("--num-workers"), "{short}");
        assert!(
            long.contains("--num-workers") && long.contains("Settings of [resilient]"),
            "{long}"
        );
        for hidden in ["--password", "--cache-ttl", "--email"] {
            assert!(!long.contains(&format!("{hidden} ")), "{hidden}");
        }
    }
}
