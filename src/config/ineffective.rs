//! Keys that files made for IBM's runner carry and that have no effect here.

use super::WarningKind;
use super::keys::RESILIENT;
use super::reader::{Reader, Section};

/// A key without effect.
pub(super) struct Ineffective {
    pub(super) key: &'static str,
    /// Values, in lower case, that ask for nothing: IBM's default, or what this program does anyway.
    harmless: Harmless,
    why: &'static str,
}

enum Harmless {
    All,
    These(&'static [&'static str]),
}

use Harmless::{All, These};

const OFF: Harmless = These(&["0", "false", "no", "off"]);

/// Those of `[resilient]`.
pub(super) const KEYS: &[Ineffective] = &[
    key(
        "actions_component",
        These(&[]),
        "the component that takes messages is built in",
    ),
    key("cache_ttl", These(&["240"]), "nothing is kept in a cache"),
    key(
        "componentsdir",
        These(&[]),
        "Python components cannot be loaded here; keep resilient-circuits for them",
    ),
    key(
        "heartbeat_timeout_threshold",
        These(&[]),
        "a broken connection is noticed by its heart-beats and made anew",
    ),
    key(
        "ignore_message_failure",
        OFF,
        "a message that fails is always answered and never ends the worker",
    ),
    key(
        "log_http_responses",
        These(&[]),
        "responses are not written to files; loglevel = DEBUG tells of requests that are tried again",
    ),
    key(
        "low_code_queues_list",
        These(&[]),
        "low-code connectors are not served here; keep resilient-circuits for them",
    ),
    key(
        "multi_org_function_json",
        These(&[]),
        "one worker serves one organization; run one for each",
    ),
    key(
        "multitenancy",
        OFF,
        "one worker serves one organization; run one for each",
    ),
    key("no_prompt_password", All, "a password is never asked for"),
    key(
        "proxy",
        These(&["[]"]),
        "name the proxy in proxy_host and proxy_port",
    ),
    key(
        "rc_use_persistent_sessions",
        These(&["1", "true", "yes", "on"]),
        "connections are always kept for the next request",
    ),
    key(
        "resilient_mock",
        These(&[]),
        "the real platform is used; the command demo has a simulated one",
    ),
    key(
        "stomp_max_connection_errors",
        These(&["1"]),
        "the connection to the broker is tried again without limit",
    ),
    key(
        "stomp_max_retries",
        These(&["3"]),
        "an answer is repeated until the broker confirms it",
    ),
    key(
        "stomp_timer_interval",
        These(&["60"]),
        "an answer is repeated as soon as the broker is back",
    ),
    key(
        "test_actions",
        OFF,
        "there is no port for tests; the command demo shows the worker at work",
    ),
    key("test_host", All, "there is no port for tests"),
    key("test_port", All, "there is no port for tests"),
    key(
        "trap_exception",
        All,
        "a failure of one message never ends the worker",
    ),
];

/// The key of which only some values matter: it lists components that are not to be loaded.
pub(super) const NOLOAD: &str = "noload";

const fn key(key: &'static str, harmless: Harmless, why: &'static str) -> Ineffective {
    Ineffective { key, harmless, why }
}

/// Warns of each key that is set in vain.
pub(super) fn warn(reader: &mut Reader<'_>) {
    let mut section = reader.section(RESILIENT);
    for ineffective in KEYS {
        let value = section.raw(ineffective.key);
        if value.is_some_and(|value| ineffective.matters(&value)) {
            let text = format!("has no effect: {}", ineffective.why);
            section.warn(WarningKind::Ineffective, ineffective.key, &text);
        }
    }
    warn_of_noload(&mut section);
}

impl Ineffective {
    fn matters(&self, value: &str) -> bool {
        match self.harmless {
            All => false,
            These(values) => !values.contains(&value.trim().to_lowercase().as_str()),
        }
    }
}

/// Components of other apps are not here anyway.
fn warn_of_noload(section: &mut Section<'_, '_>) {
    let ours = section
        .raw(NOLOAD)
        .is_some_and(|names| names.to_lowercase().contains("guardduty"));
    if ours {
        section.warn(
            WarningKind::Ineffective,
            NOLOAD,
            "has no effect: this app is one piece; aws_gd_polling_interval = 0 switches the poller off, stomp = 0 the functions",
        );
    }
}
