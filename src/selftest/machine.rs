//! This machine: the configuration, and the folder of the state file.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::report::{Area, Check};
use crate::config::{Warning, WarningKind};
use crate::state::FILE_NAME;

const CONFIGURATION: &str = "configuration";
const STATE: &str = "state folder";

/// The file that was read, and a line for each thing in it that deserves attention.
pub(super) fn check_configuration(path: &Path, warnings: &[Warning]) -> Vec<Check> {
    let mut checks = vec![Check::ok(
        Area::Machine,
        CONFIGURATION,
        path.display().to_string(),
    )];
    checks.extend(warnings.iter().map(|warning| {
        let check = Check::warning(Area::Machine, CONFIGURATION, warning.text.clone());
        match warning.kind {
            WarningKind::UnknownKey => check.remedy("correct or remove the key"),
            WarningKind::Ineffective => {
                check.remedy("remove the key, or leave it: it does no harm")
            }
            WarningKind::Insecure => check.remedy("name a file of certificates"),
            WarningKind::Notice => check,
        }
    }));
    checks
}

/// Whether the state file can be read and written: tried with a file of another name.
pub(super) fn check_state(folder: Option<&Path>) -> Check {
    let Some(folder) = folder else {
        let detail = "none: after a start everything unarchived is looked at again";
        return Check::ok(Area::Machine, STATE, detail);
    };
    match try_out(folder) {
        Ok(()) => Check::ok(
            Area::Machine,
            STATE,
            format!("{} can be written", folder.display()),
        ),
        Err(error) => Check::failed(
            Area::Machine,
            STATE,
            format!("{} cannot be used: {error}", folder.display()),
        )
        .remedy("set aws_gd_state_dir in [fn_aws_guardduty] to a folder that the worker's user can write"),
    }
}

/// Leaves nothing behind: a folder made by an administrator's check would shut the worker out.
fn try_out(folder: &Path) -> io::Result<()> {
    let made: Vec<&Path> = folder
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    let tried = write_into(folder);
    for folder in made {
        let _ = fs::remove_dir(folder);
    }
    tried
}

fn write_into(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let state = folder.join(FILE_NAME);
    if state.try_exists()? {
        fs::File::open(state)?;
    }
    let trial = folder.join(format!("{FILE_NAME}.{}.selftest", std::process::id()));
    let written = fs::File::create(&trial).and_then(|mut file| file.write_all(b"{}"));
    let removed = fs::remove_file(&trial);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::report::Outcome;

    #[test]
    fn a_folder_that_can_be_written_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let found = check_state(Some(folder.path()));
        assert_eq!(found.outcome, Outcome::Ok);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let found = check_state(Some(&folder.path().join("var/lib")));
        assert_eq!(found.outcome, Outcome::Ok);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let found = check_state(Some(&file));
        assert_eq!(found.outcome, Outcome::Failed);
        assert!(found.remedy.unwrap().contains("aws_gd_state_dir"));
    }
}
