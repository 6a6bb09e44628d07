//! Where secrets come from.

use super::super::protected;
use super::*;

/// A machine with a keyring, variables and files, and App Host's folder where there is one.
#[derive(Default)]
struct Machine<'a> {
    variables: &'a [(&'a str, &'a str)],
    secrets: Option<&'a Path>,
}

impl Lookups for Machine<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let variable = self.variables.iter().find(|variable| variable.0 == name);
        variable.map(|variable| variable.1.to_owned())
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        match path.to_str() {
            Some("/run/secret") => Ok("from a file \nsecond line\n".to_owned()),
            Some("/run/empty") => Ok("\n".to_owned()),
            _ => no_file(path),
        }
    }

    fn protected(&self, name: &str) -> Protected {
        protected::secret(self.secrets.unwrap(), name)
    }

    fn keyring(&self, service: &str, name: &str) -> Result<Option<String>, KeyringError> {
        Ok((name == "soar").then(|| format!("{service}/{name}")))
    }
}

fn secret_of(machine: &Machine<'_>, value: &str) -> Result<(String, Vec<Warning>), String> {
    let line = format!("api_key_secret = {SECRET}");
    let config =
        parse(&MINIMAL.replace(&line, value), machine).map_err(|errors| errors.to_string())?;
    match config.soar.credentials {
        Credentials::ApiKey { secret, .. } => {
            Ok((secret.expose_secret().to_owned(), config.warnings))
        }
        Credentials::User { .. } => panic!("an API key"),
    }
}

fn value(machine: &Machine<'_>, value: &str) -> String {
    secret_of(machine, value).unwrap().0
}

fn error(machine: &Machine<'_>, value: &str) -> String {
    secret_of(machine, value).unwrap_err()
}

#[test]
fn the_keyring_is_asked_by_the_sections_name() {
    let machine = Machine::default();
    assert_eq!(value(&machine, "api_key_secret = ^soar"), "_/soar");
    assert_eq!(value(&machine, "api_key_secret = x^{soar}"), "x_/soar");
    let aws = "aws_gd_access_key_id = A\naws_gd_secret_access_key = ^soar";
    let config = parse(&with("", aws), &machine).unwrap();
    let keys = config.guardduty.keys.unwrap();
    assert_eq!(
        keys.secret_access_key.expose_secret(),
        "fn_aws_guardduty/soar"
    );
}

#[test]
fn what_the_keyring_cannot_tell_has_a_remedy_and_no_name() {
    let error = error(&Machine::default(), "api_key_secret = ^hunter");
    assert!(error.contains("api_key_secret (line 5): refers to an entry of the keyring that is not there; store it with `keyring set _ NAME`"), "{error}");
    assert!(!error.contains("hunter"), "{error}");
    let error = problem(&MINIMAL.replace(SECRET, "^hunter"));
    assert!(
        error.contains("`keyring` is not on the PATH; install the Python package keyring"),
        "{error}"
    );
    assert!(error.contains("or api_key_secret_file"), "{error}");
}

#[test]
fn a_pattern_of_regions_is_no_entry_of_the_keyring() {
    let config = parse(&MINIMAL.replace("= .*", "= ^us-"), &Machine::default()).unwrap();
    assert_eq!(config.guardduty.regions.as_str(), "^us-");
}

#[test]
fn a_store_that_is_not_supported_is_named() {
    let text = "pam_type = HashiCorpVault\napi_key_secret = ^engine.path.key";
    let error = error(&Machine::default(), text);
    assert!(
        error.contains("refers to the store HashiCorpVault, which is not supported"),
        "{error}"
    );
    // Without a value in it, the key is another app's.
    let plain = format!("pam_type = Cyberark\napi_key_secret = {SECRET}");
    assert_eq!(value(&Machine::default(), &plain), SECRET);
}

#[test]
fn a_secret_may_stand_in_a_file() {
    let machine = Machine::default();
    assert_eq!(
        value(&machine, "api_key_secret_file = /run/secret"),
        "from a file "
    );
    let both = format!("api_key_secret = {SECRET}\napi_key_secret_file = /run/secret");
    assert!(
        error(&machine, &both)
            .contains("api_key_secret_file (line 6): is set, and so is api_key_secret")
    );
    assert!(
        error(&machine, "api_key_secret_file = /run/empty")
            .contains("the first line of the file that it names is empty")
    );
    // Where the name of the file is expected, somebody may have left the secret.
    let misplaced = error(&machine, &format!("api_key_secret_file = {SECRET}"));
    assert!(misplaced.contains("cannot read the file that it names"));
    assert!(!misplaced.contains(SECRET), "{misplaced}");
}

#[test]
fn in_app_host_a_protected_secret_comes_before_the_variable() {
    let folder = protected::tests::folder_with("PROTECTED", "decrypted");
    std::fs::write(folder.path().join("BROKEN"), "no token").unwrap();
    let variables = [
        ("APP_HOST_CONTAINER", "1"),
        ("PROTECTED", "variable"),
        ("BROKEN", "variable"),
        ("OPEN", "variable"),
    ];
    let machine = Machine {
        variables: &variables,
        secrets: Some(folder.path()),
    };
    assert_eq!(value(&machine, "api_key_secret = $PROTECTED"), "decrypted");
    assert_eq!(
        value(&machine, "api_key_secret = ${PROTECTED}!"),
        "decrypted!"
    );
    assert_eq!(value(&machine, "api_key_secret = $OPEN"), "variable");
    let (broken, warnings) = secret_of(&machine, "api_key_secret = $BROKEN").unwrap();
    assert_eq!((broken.as_str(), warnings.len()), ("variable", 1));
    assert!(warnings[0].text.contains("it is not a JWE"), "{warnings:?}");
    let elsewhere = Machine {
        variables: &variables[1..],
        secrets: None,
    };
    assert_eq!(value(&elsewhere, "api_key_secret = $PROTECTED"), "variable");
}

#[test]
fn in_app_host_there_is_no_keyring_unless_one_is_named() {
    let folder = protected::tests::folder_with("X", "x");
    let machine = Machine {
        variables: &[("APP_HOST_CONTAINER", "true")],
        secrets: Some(folder.path()),
    };
    assert_eq!(value(&machine, "api_key_secret = ^soar"), "^soar");
    assert_eq!(
        value(&machine, "pam_type = keyring\napi_key_secret = ^soar"),
        "_/soar"
    );
    let folder = protected::tests::folder_with("PAM_TYPE", "Cyberark");
    let machine = Machine {
        secrets: Some(folder.path()),
        ..machine
    };
    assert!(error(&machine, "api_key_secret = ^safe/object").contains("the store Cyberark"));
}

#[test]
fn no_secret_is_seen_in_debug() {
    let config = good(
        "proxy_host = proxy.example.com\nproxy_port = 3128\nproxy_user = u\nproxy_password = pr0xy-password",
        "aws_gd_access_key_id = AKIA\naws_gd_secret_access_key = aws-s3cret\nhttps_proxy = http://u:url-passw0rd@p.example.com:3128",
    );
    let by_password = read_text(&MINIMAL.replace(
        "api_key_id = id-1\napi_key_secret = hunter2hunter2",
        "email = ann@example.com\npassword = ann-s-passw0rd",
    ));
    for (part, shown) in [
        ("Config", format!("{config:?}")),
        ("SoarConfig", format!("{:#?}", config.soar)),
        ("Credentials", format!("{:?}", config.soar.credentials)),
        ("GuardDutyConfig", format!("{:?}", config.guardduty)),
        ("AwsKeys", format!("{:?}", config.guardduty.keys)),
        ("Proxying", format!("{:?}", config.guardduty.proxying)),
        ("by password", format!("{:?}", by_password.unwrap())),
    ] {
        for secret in [
            SECRET,
            "pr0xy-password",
            "aws-s3cret",
            "url-passw0rd",
            "ann-s-passw0rd",
        ] {
            assert!(!shown.contains(secret), "{part}: {shown}");
        }
        assert!(shown.contains("REDACTED"), "{part}: {shown}");
    }
}
