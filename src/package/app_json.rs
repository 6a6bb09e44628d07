//! `app.json`: what the app is called, which image runs it, and what it needs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Image, VERSION};

/// The app's name, which the Python app has as well, so that a platform sees an upgrade.
pub const NAME: &str = "fn_aws_guardduty";

const DISPLAY_NAME: &str = "AWS GuardDuty";
const AUTHOR: &str = "the fn-aws-guardduty authors";
const APP_CONFIG: &str = include_str!("../../deploy/app-host/app.config");
const PERMISSIONS: &str = include_str!("../../deploy/app-host/apikey_permissions.txt");
const LONG_DESCRIPTION: &str = include_str!("../../deploy/app-host/description.html");
const APP_LOGO: &[u8] = include_bytes!("../../icons/app_logo.png");
const COMPANY_LOGO: &[u8] = include_bytes!("../../icons/company_logo.png");

/// The document for an app whose customizations are `export`.
pub(super) fn app_json(image: &Image, export: &Value) -> Value {
    let uuid = uuid_of(NAME);
    json!({
        "name": NAME,
        "display_name": DISPLAY_NAME,
        "version": VERSION,
        "uuid": uuid,
        "author": {"name": AUTHOR, "website": "", "icon": icon(COMPANY_LOGO)},
        "icon": icon(APP_LOGO),
        "description": {"content": env!("CARGO_PKG_DESCRIPTION"), "format": "text"},
        "long_description": {"content": LONG_DESCRIPTION.replace('\n', ""), "format": "html"},
        "minimum_resilient_version": export["server_version"],
        "tag": {"name": NAME, "display_name": NAME, "prefix": NAME, "uuid": uuid},
        "current_installation": {"executables": [{
            "name": NAME,
            "uuid": uuid,
            "image": image.to_string(),
            "config_string": APP_CONFIG,
            "permission_handles": permissions().collect::<Vec<_>>(),
        }]},
    })
}

/// What the app's API key may do on the platform.
pub fn permissions() -> impl Iterator<Item = &'static str> {
    PERMISSIONS
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// SOAR tells apps by the MD5 digest of their name, so that all versions of one are the same app.
fn uuid_of(name: &str) -> String {
    Uuid::from_bytes(Md5::digest(name).into()).to_string()
}

fn icon(png: &[u8]) -> Value {
    json!({"data": STANDARD.encode(png), "media_type": "image/png"})
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Lookups;

    use super::*;

    /// Width and height stand in the PNG's first chunk.
    fn size(png: &[u8]) -> (u32, u32) {
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    }

    #[test]
    fn the_uuid_is_the_digest_of_the_name() {
        assert_eq!(
            uuid_of("fn_main_mock_integration"),
            "6952efe2-4c78-c18c-2779-9f2402ddb574"
        );
    }

    #[test]
    fn the_icons_have_the_sizes_that_app_host_shows() {
        assert_eq!(size(APP_LOGO), (200, 72));
        assert_eq!(size(COMPANY_LOGO), (100, 100));
    }

    #[test]
    fn the_permissions_are_those_of_the_python_app() {
        let mut permissions: Vec<&str> = permissions().collect();
        permissions.sort_unstable();
        let theirs = [
            "create_incident",
            "edit_all_incidents_fields",
            "edit_all_incidents_status",
            "read_all_incidents",
            "read_data",
            "read_function",
        ];
        assert_eq!(permissions, theirs);
    }

    #[test]
    fn the_oldest_platform_is_that_of_the_export() {
        let export = crate::customizations::export_document();
        let app = app_json(&Image::default(), &export);
        assert_eq!(app["minimum_resilient_version"]["version"], "45.0.7888");
    }

    /// Both secrets are known.
    struct AppHost;

    impl Lookups for AppHost {
        fn variable(&self, name: &str) -> Option<String> {
            ["AWS_GD_ACCESS_KEY_ID", "AWS_GD_SECRET_ACCESS_KEY"]
                .contains(&name)
                .then(|| "secret".to_owned())
        }

        fn file(&self, _: &Path) -> std::io::Result<String> {
            Ok(String::new())
        }
    }

    /// What App Host makes of it: the platform's own section before, each secret known.
    #[test]
    fn the_settings_are_accepted_without_a_warning() {
        let platform = "[resilient]\nhost = soar.example.com\norg = Example\napi_key_id = k\n\
                        api_key_secret = s\n";
        let text = format!("{platform}{APP_CONFIG}");
        let config = crate::config::parse(&text, &AppHost);
        assert_eq!(config.expect("it parses").warnings, []);
    }
}
