//! The keys that can be set, by section.

use super::ineffective;

/// SOAR, its broker, and logging.
pub(super) const RESILIENT: &str = "resilient";
/// GuardDuty and the poller.
pub(super) const GUARDDUTY: &str = "fn_aws_guardduty";
/// What all apps of the file share.
pub(super) const INTEGRATIONS: &str = "integrations";

/// A section and its keys.
pub(super) struct SectionKeys {
    pub(super) name: &'static str,
    /// Keys that this program reads.
    pub(super) read: &'static [&'static str],
}

/// Every section that is ours.
pub(super) const SECTIONS: [SectionKeys; 3] = [
    SectionKeys {
        name: RESILIENT,
        read: &[
            "host",
            "port",
            "org",
            "api_key_id",
            "api_key_secret",
            "email",
            "password",
            "cafile",
            "resource_prefix",
            "max_connection_retries",
            "request_max_retries",
            "request_retry_delay",
            "request_retry_backoff",
            "stomp",
            "stomp_host",
            "stomp_port",
            "stomp_cafile",
            "stomp_timeout",
            "stomp_prefetch_limit",
            "num_workers",
            "loglevel",
            "client_auth_cert",
            "client_auth_key",
            "proxy_host",
            "proxy_port",
            "proxy_user",
            "proxy_password",
            "selftest_timeout",
            "logdir",
            "logfile",
            "log_max_bytes",
            "log_backup_count",
            "pam_type",
            "api_key_secret_file",
            "password_file",
            "proxy_password_file",
        ],
    },
    SectionKeys {
        name: GUARDDUTY,
        read: &[
            "aws_gd_access_key_id",
            "aws_gd_secret_access_key",
            "aws_gd_secret_access_key_file",
            "aws_gd_master_region",
            "aws_gd_regions",
            "aws_gd_regions_interval",
            "aws_gd_polling_interval",
            "aws_gd_severity_threshold",
            "aws_gd_lookback_interval",
            "aws_gd_overlap_interval",
            "aws_gd_close_incident_template",
            "aws_gd_close_duplicates",
            "aws_gd_close_deleted",
            "aws_gd_state_dir",
            "aws_gd_max_soar_requests",
            "aws_gd_max_aws_requests",
            "aws_gd_http_listen",
            "aws_gd_http_token",
            "aws_gd_http_token_file",
            "aws_gd_unready_after",
            "http_proxy",
            "https_proxy",
            "timeout",
            "verify",
            "client_auth_cert",
            "client_auth_key",
        ],
    },
    SectionKeys {
        name: INTEGRATIONS,
        read: &[
            "http_proxy",
            "https_proxy",
            "timeout",
            "verify",
            "client_auth_cert",
            "client_auth_key",
        ],
    },
];

/// Keys whose value is never shown. Proxies are among them for the password in their URL.
const SECRET: [&str; 9] = [
    "aws_gd_http_token",
    "proxy_host",
    "api_key_secret",
    "password",
    "proxy_password",
    "aws_gd_secret_access_key",
    "http_proxy",
    "https_proxy",
    "proxy_user",
];

/// Keys whose value may stand in a file of its own, which the key with `_file` behind it names.
const WITH_FILE: [&str; 5] = [
    "aws_gd_http_token",
    "api_key_secret",
    "password",
    "proxy_password",
    "aws_gd_secret_access_key",
];

/// Keys for which an empty value differs from an absent one.
const EMPTY_COUNTS: [&str; 1] = ["aws_gd_state_dir"];

impl SectionKeys {
    pub(super) fn knows(&self, key: &str) -> bool {
        self.all().any(|known| known == key)
    }

    /// The known key that looks most like `key`, if any does.
    pub(super) fn nearest(&self, key: &str) -> Option<&'static str> {
        nearest(key, self.all())
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.read.iter().copied().chain(self.without_effect())
    }

    /// Keys that such files carry for IBM's runner, accepted without effect.
    pub(super) fn without_effect(&self) -> impl Iterator<Item = &'static str> {
        let ours = self.name == RESILIENT;
        let keys = ineffective::KEYS.iter().map(|key| key.key);
        keys.chain([ineffective::NOLOAD]).filter(move |_| ours)
    }
}

/// The candidate that looks most like `word`, if any does.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

pub(super) fn is_secret(key: &str) -> bool {
    SECRET.contains(&key)
}

/// Secrets that people choose, so that any text is possible.
pub(super) fn is_soar_secret(key: &str) -> bool {
    ["api_key_secret", "password"].contains(&key)
}

/// Whether the value may stand in a file of its own.
pub(super) fn has_file(key: &str) -> bool {
    WITH_FILE.contains(&key)
}

/// Whether a value may begin with `^` by its own right.
pub(super) fn is_pattern(key: &str) -> bool {
    key == "aws_gd_regions"
}

pub(super) fn empty_counts(key: &str) -> bool {
    EMPTY_COUNTS.contains(&key)
}
