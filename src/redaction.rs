//! Takes our own secrets out of what servers say: some repeat the request that they refuse.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "[secret]";

/// Headers that are secret though nobody marked them so.
const SECRET_HEADERS: [&str; 2] = ["x-amz-security-token", "x-sess-id"];

/// What a text must not hold, in any of its forms.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// The secrets of a request: logins, sessions, signatures.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut secrets = Self::default();
        for (name, value) in headers {
            let Ok(value) = value.to_str() else { continue };
            if *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION {
                secrets.add_login(value);
            } else if *name == COOKIE {
                let cookies = value.split("; ").filter_map(|pair| pair.split_once('='));
                cookies.for_each(|(_, value)| secrets.add(value));
            } else if SECRET_HEADERS.contains(&name.as_str()) {
                secrets.add(value);
            }
        }
        secrets
    }

    /// Adds a secret.
    pub(crate) fn add(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.0.push(secret.into());
        }
    }

    /// Adds a password, also in the form that HTTP has of it and its user.
    pub(crate) fn add_password(&mut self, user: &str, password: &str) {
        if !password.is_empty() {
            self.add(password);
            self.add(&STANDARD.encode(Zeroizing::new(format!("{user}:{password}")).as_bytes()));
        }
    }

    /// `Basic` with the base64 of user and password, or AWS's `... Signature=`.
    pub(crate) fn add_login(&mut self, authorization: &str) {
        if let Some(token) = authorization.strip_prefix("Basic ") {
            self.add(token);
            let pair = STANDARD.decode(token).ok();
            let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
            if let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
                self.add(password);
            }
        } else if let Some((_, signature)) = authorization.rsplit_once("Signature=") {
            self.add(signature);
        } else {
            self.add(authorization);
        }
    }

    /// The text without these secrets, whether they stand in it as they are, in base64, in a URL or in JSON.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in &self.0 {
            for form in forms(secret.expose_secret()) {
                if hidden.contains(&form) {
                    hidden = hidden.replace(&form, HIDDEN);
                }
            }
        }
        hidden
    }
}

fn forms(secret: &str) -> [String; 6] {
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    [
        secret.to_owned(),
        STANDARD.encode(secret),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        json.to_owned(),
        json.replace('/', "\\/"),
        for_html(json),
    ]
}

/// JSON as writers put it that mean it to stand in HTML too.
fn for_html(json: &str) -> String {
    let escaped = |c| match c {
        '<' | '>' | '&' | '=' | '\'' => format!("\\u{:04x}", u32::from(c)),
        _ => c.to_string(),
    };
    json.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hidden(name: &'static str, value: &str, text: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        Secrets::of(&headers).hide(text)
    }

    #[test]
    fn a_login_is_hidden_as_sent_and_as_it_was_before() {
        let token = STANDARD.encode("key-id:p:ss w\"rd");
        let login = format!("Basic {token}");
        for told in [
            format!("refused Authorization: {login}"),
            "no such password: p:ss w\"rd".to_owned(),
            "no such password: p%3Ass%20w%22rd".to_owned(),
            r#"{"password":"p:ss w\"rd"}"#.to_owned(),
            format!("in base64 {}", STANDARD.encode("p:ss w\"rd")),
        ] {
            let hidden = hidden("authorization", &login, &told);
            assert!(
                hidden.contains(HIDDEN) && !hidden.contains(&token),
                "{hidden}"
            );
            assert!(
                !hidden.contains("w\\\"rd") && !hidden.contains("w\"rd"),
                "{hidden}"
            );
            assert!(!hidden.contains("ss%20"), "{hidden}");
        }
    }

    #[test]
    fn a_secret_in_json_is_hidden_however_it_is_escaped() {
        let mut secrets = Secrets::default();
        secrets.add("a/b==&c");
        for told in [
            r#"{"secret": "a/b==&c"}"#,
            r#"{"secret": "a\/b==&c"}"#,
            r#"{"secret": "a/b\u003d\u003d\u0026c"}"#,
        ] {
            assert_eq!(secrets.hide(told), r#"{"secret": "[secret]"}"#);
        }
    }

    #[test]
    fn cookies_session_tokens_and_signatures_are_hidden() {
        for (name, value, told) in [
            ("cookie", "JSESSIONID=abc; csrf=def", "abc def"),
            ("x-sess-id", "abc", "token abc"),
            (
                "x-amz-security-token",
                "abc/+=",
                "x-amz-security-token:abc/+= ",
            ),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=abc",
                "AKIA Signature=abc",
            ),
            ("proxy-authorization", "Bearer abc", "Bearer abc"),
        ] {
            let hidden = hidden(name, value, told);
            assert!(
                hidden.contains(HIDDEN) && !hidden.contains("abc"),
                "{hidden}"
            );
        }
        assert_eq!(hidden("accept", "abc", "abc"), "abc");
    }

    #[test]
    fn a_password_is_hidden_beside_its_user_too() {
        let mut secrets = Secrets::default();
        secrets.add_password("key-id", "hunter2");
        let told = format!(
            "hunter2 and {} of key-id",
            STANDARD.encode("key-id:hunter2")
        );
        assert_eq!(secrets.hide(&told), "[secret] and [secret] of key-id");
    }

    #[test]
    fn an_empty_secret_hides_nothing() {
        let mut secrets = Secrets::default();
        secrets.add("");
        secrets.add_password("t", "");
        assert_eq!(secrets.hide("text"), "text");
    }

    #[test]
    fn secrets_do_not_show_themselves() {
        let mut secrets = Secrets::default();
        secrets.add("hunter2");
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
