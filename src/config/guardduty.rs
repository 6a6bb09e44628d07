//! The `[fn_aws_guardduty]` section.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::keys::{GUARDDUTY, INTEGRATIONS};
use super::reader::{Noted, Reader, Section};
use super::resilient::{
    LONGEST_SECONDS, certificate, pair, shared_timeout, switch, warn_of_no_check,
};
use super::{
    AwsKeys, ClientCertificate, CloseTemplate, GuardDutyConfig, RegionPattern, Trust, WarningKind,
    listen, proxies,
};

const WORST_SEVERITY: u8 = 10;
/// Characters of a token that nobody guesses.
const LEAST_TOKEN: usize = 16;
/// Requests in flight that may be set.
const MOST_REQUESTS: RangeInclusive<usize> = 1..=256;

/// `folder` is where the state goes when nothing says otherwise.
pub(super) fn read(
    reader: &mut Reader<'_>,
    folder: Option<&Path>,
) -> Result<GuardDutyConfig, Noted> {
    let trust = trust(reader);
    let client_certificate = client_certificate(reader);
    let proxying = proxies::to_aws(reader);
    let request_timeout = request_timeout(reader);
    let mut section = reader.section(GUARDDUTY);
    let keys = pair(
        &mut section,
        "aws_gd_access_key_id",
        "aws_gd_secret_access_key",
    );
    let master_region = master_region(&mut section);
    let regions = regions(&mut section);
    let regions_interval = section.interval("aws_gd_regions_interval");
    let polling_interval = section.interval("aws_gd_polling_interval");
    let severity_threshold = section.number("aws_gd_severity_threshold", 0..=WORST_SEVERITY);
    let lookback = section.interval("aws_gd_lookback_interval");
    let overlap = section.interval("aws_gd_overlap_interval");
    let close_template = close_template(&mut section);
    let close_duplicates = section.parsed("aws_gd_close_duplicates", "1 or 0", switch);
    let close_deleted = section.parsed("aws_gd_close_deleted", "1 or 0", switch);
    let state_dir = state_dir(&mut section, folder);
    let http_listen = section.parsed("aws_gd_http_listen", listen::FORM, listen::parse);
    let http_token = http_token(&mut section);
    let unready_after = unready_after(&mut section);
    let max_requests = section.number("aws_gd_max_aws_requests", MOST_REQUESTS);
    Ok(GuardDutyConfig {
        keys: keys?.map(|(access_key_id, secret)| AwsKeys {
            access_key_id,
            secret_access_key: secret.into(),
        }),
        master_region: master_region?,
        regions: regions?,
        regions_interval: regions_interval?,
        polling_interval: Some(polling_interval?).filter(|interval| !interval.is_zero()),
        severity_threshold: Some(severity_threshold?).filter(|threshold| *threshold > 0),
        lookback: Some(lookback?).filter(|lookback| !lookback.is_zero()),
        overlap: overlap?,
        close_template: close_template?,
        close_duplicates: close_duplicates?.unwrap_or_default(),
        close_deleted: close_deleted?.unwrap_or_default(),
        state_dir: state_dir?,
        http_listen: http_listen?,
        http_token: http_token?,
        unready_after: unready_after?,
        trust: trust?,
        client_certificate: client_certificate?,
        proxying: proxying?,
        request_timeout: request_timeout?,
        max_requests: max_requests?,
    })
}

/// `verify` of the app's own section. That of `[integrations]` is meant for the servers of other apps: the Python app does not
/// use it for AWS either, whose certificates it would hardly know.
fn trust(reader: &mut Reader<'_>) -> Result<Trust, Noted> {
    let mut section = reader.section(GUARDDUTY);
    let trust = section.trust("verify")?;
    warn_of_no_check(&mut section, "verify", "AWS servers", trust.as_ref());
    let mut shared = reader.section(INTEGRATIONS);
    if trust.is_none() && shared.raw("verify").is_some_and(|verify| !is_true(&verify)) {
        let text = format!("not used for AWS; set verify in [{GUARDDUTY}] if it is meant to be");
        shared.warn(WarningKind::Notice, "verify", &text);
    }
    Ok(trust
        .or_else(|| {
            let mut section = reader.section(GUARDDUTY);
            section.bundle_of_environment("verify", &["AWS_CA_BUNDLE"])
        })
        .unwrap_or(Trust::Public))
}

fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}

fn client_certificate(reader: &mut Reader<'_>) -> Result<Option<ClientCertificate>, Noted> {
    match certificate(&mut reader.section(GUARDDUTY))? {
        Some(own) => Ok(Some(own)),
        None => certificate(&mut reader.section(INTEGRATIONS)),
    }
}

/// `timeout` of the app's own section, else of all apps.
fn request_timeout(reader: &mut Reader<'_>) -> Result<Duration, Noted> {
    let range = 0.1..=LONGEST_SECONDS;
    match reader
        .section(GUARDDUTY)
        .optional_seconds("timeout", range.clone())?
    {
        Some(own) => Ok(own),
        None => reader.section(INTEGRATIONS).quietly(shared_timeout),
    }
}

/// Requests to SOAR in flight at most.
pub(super) fn max_soar_requests(reader: &mut Reader<'_>) -> Result<usize, Noted> {
    reader
        .section(GUARDDUTY)
        .number("aws_gd_max_soar_requests", MOST_REQUESTS)
}

/// The region becomes part of a host name, so it may hold nothing else.
fn master_region(section: &mut Section<'_, '_>) -> Result<String, Noted> {
    let key = "aws_gd_master_region";
    let right = "the name of a region, such as us-east-1";
    let region = section.parsed(key, right, |text| {
        let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        fits.then(|| text.to_lowercase())
    })?;
    region.ok_or_else(|| section.missing(key, "give a region, such as us-east-1"))
}

fn regions(section: &mut Section<'_, '_>) -> Result<RegionPattern, Noted> {
    let key = "aws_gd_regions";
    let pattern = section.required(
        key,
        "give a regular expression such as ^(us|eu)-, or .* for all",
    )?;
    RegionPattern::parse(&pattern).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})"));
        let wrong = format!("{error}{}", cause.unwrap_or_default());
        section.note(key, &wrong, "correct it; ^(us|eu)- is an example")
    })
}

fn close_template(section: &mut Section<'_, '_>) -> Result<CloseTemplate, Noted> {
    let key = "aws_gd_close_incident_template";
    let Some((path, text)) = section.file(key)? else {
        return Ok(CloseTemplate::default());
    };
    CloseTemplate::parse(&text).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})"));
        let wrong = format!("{} {error}{}", path.display(), cause.unwrap_or_default());
        section.note(
            key,
            &wrong,
            r#"write an object such as {"resolution_id": "Resolved"}"#,
        )
    })
}

/// As it stands in a header, it may hold nothing else than one can.
fn http_token(section: &mut Section<'_, '_>) -> Result<Option<SecretString>, Noted> {
    let key = "aws_gd_http_token";
    let Some(token) = section.text(key)? else {
        return Ok(None);
    };
    if token.len() < LEAST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let remedy = format!(
            "give {LEAST_TOKEN} or more letters, digits and signs without blanks, such as `openssl rand -hex 32` prints"
        );
        return Err(section.note(key, "cannot be used as a token", &remedy));
    }
    Ok(Some(token.into()))
}

fn unready_after(section: &mut Section<'_, '_>) -> Result<Duration, Noted> {
    let key = "aws_gd_unready_after";
    let span = section.interval(key)?;
    if span.is_zero() {
        return Err(section.note(key, "`0` cannot be used", "give 1s or more"));
    }
    Ok(span)
}

fn state_dir(
    section: &mut Section<'_, '_>,
    folder: Option<&Path>,
) -> Result<Option<PathBuf>, Noted> {
    let key = "aws_gd_state_dir";
    match section.text(key)? {
        Some(path) => Ok(Some(section.path(&path))),
        None if section.is_set(key) => Ok(None),
        None => Ok(folder.map(Path::to_owned)),
    }
}
