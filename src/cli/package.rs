//! `package`: the app zip that App Host and Edge Gateway install.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::package::{Image, REPOSITORY, app_zip, file_name};

/// Write the app zip that App Host and Edge Gateway install.
///
/// The zip has the form of those that IBM's resilient-sdk makes: app.json names the app, its settings, the
/// permissions of its API key and the image that runs it; export.res holds the customizations, which the
/// platform imports. Upload it under Administrator Settings, Apps, Install.
///
/// The image itself is not in the zip: build it with deploy/Dockerfile and push it to a registry that App Host
/// may pull from.
#[derive(Debug, Args)]
pub(super) struct Package {
    /// Folder to write the zip to
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Where App Host pulls the image from: the image's name without `/fn_aws_guardduty`
    #[arg(long, value_name = "REPOSITORY", default_value = REPOSITORY)]
    repository: String,
    /// SHA-256 digest that names the image in place of its version, 64 hexadecimal digits
    #[arg(long, value_name = "SHA256")]
    image_hash: Option<String>,
}

impl Package {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let image = Image::new(&self.repository, self.image_hash.as_deref())?;
        let path = self.output.join(file_name());
        std::fs::write(&path, app_zip(&image)?).with_context(|| {
            format!(
                "could not write {}; name another folder with --output",
                path.display()
            )
        })?;
        eprintln!("wrote {}, which runs the image {image}", path.display());
        Ok(ExitCode::SUCCESS)
    }
}
