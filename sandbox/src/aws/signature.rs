//! AWS Signature Version 4, from the verifying side.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ring::{digest, hmac};

/// Clients whose clock is further off are refused.
const MAX_SKEW_SECONDS: i64 = 300;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The `Authorization` header of a signed request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization {
    pub(super) access_key_id: String,
    date: String,
    pub(super) region: String,
    pub(super) service: String,
    signed_headers: String,
    signature: String,
}

impl Authorization {
    /// `None` when the header is missing or of another kind.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let fields = headers
            .get(header::AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix(ALGORITHM)?;
        let field = |name: &str| {
            let mut fields = fields
                .split(',')
                .filter_map(|field| field.trim().split_once('='));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let mut scope = field("Credential")?.splitn(5, '/');
        let mut part = || scope.next().map(str::to_owned);
        let authorization = Self {
            access_key_id: part()?,
            date: part()?,
            region: part()?,
            service: part()?,
            signed_headers: field("SignedHeaders")?.to_owned(),
            signature: field("Signature")?.to_owned(),
        };
        (part()? == "aws4_request").then_some(authorization)
    }

    /// Whether the request was signed with this secret.
    pub(super) fn verify(&self, request: &Parts, body: &[u8], secret: &str) -> bool {
        let Some(signed_at) = amz_date(&request.headers) else {
            return false;
        };
        let signs_host = self.signed_headers.split(';').any(|name| name == "host");
        if !signs_host || !signed_at.starts_with(&self.date) {
            return false;
        }
        let scope = format!(
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        );
        let request_hash = sha256_hex(self.canonical_request(request, body).as_bytes());
        let to_sign = format!("{ALGORITHM}\n{signed_at}\n{scope}\n{request_hash}");
        let given = decode_hex(&self.signature).unwrap_or_default();
        hmac::verify(&self.signing_key(secret), to_sign.as_bytes(), &given).is_ok()
    }

    fn signing_key(&self, secret: &str) -> hmac::Key {
        let start = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        [&self.date, &self.region, &self.service, "aws4_request"]
            .into_iter()
            .fold(start, |key, part| {
                hmac::Key::new(
                    hmac::HMAC_SHA256,
                    hmac::sign(&key, part.as_bytes()).as_ref(),
                )
            })
    }

    fn canonical_request(&self, request: &Parts, body: &[u8]) -> String {
        let headers: Vec<String> = self
            .signed_headers
            .split(';')
            .map(|name| format!("{name}:{}\n", canonical_header(&request.headers, name)))
            .collect();
        let declared = request
            .headers
            .get("x-amz-content-sha256")
            .and_then(|value| value.to_str().ok());
        let payload = match declared {
            Some("UNSIGNED-PAYLOAD") => "UNSIGNED-PAYLOAD".to_owned(),
            _ => sha256_hex(body),
        };
        let path = uri_encode(request.uri.path(), true);
        let query = canonical_query(request.uri.query().unwrap_or_default());
        let headers = headers.concat();
        format!(
            "{}\n{path}\n{query}\n{headers}\n{}\n{payload}",
            request.method, self.signed_headers
        )
    }
}

/// The time of signing when it is further from `now` than AWS allows, or cannot be read.
pub(super) fn stale_date(headers: &HeaderMap, now: Timestamp) -> Option<String> {
    let signed_at = amz_date(headers).unwrap_or_default();
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", signed_at)
        .and_then(|time| TimeZone::UTC.to_timestamp(time));
    let fresh =
        time.is_ok_and(|time| (time.as_second() - now.as_second()).abs() <= MAX_SKEW_SECONDS);
    (!fresh).then(|| signed_at.to_owned())
}

fn amz_date(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-date")?.to_str().ok()
}

fn canonical_header(headers: &HeaderMap, name: &str) -> String {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let trimmed = values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "));
    trimmed.collect::<Vec<_>>().join(",")
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| {
            (
                uri_encode(&percent_decode(name), false),
                uri_encode(&percent_decode(value), false),
            )
        })
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// Encodes as Signature Version 4 wants it: every byte but the unreserved ones (and `/` in a path, which is encoded
/// once more than it was for the wire).
fn uri_encode(text: &str, is_path: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_path && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            let [high, low] = [byte >> 4, byte & 15]
                .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            encoded.extend(['%', high, low]);
        }
    }
    encoded
}

/// Decodes `%XX`; a `+` stays, since a signed query never writes a blank as one.
pub(super) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn sha256_hex(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.len().is_multiple_of(2).then_some(text)?;
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use axum::http::Request;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// "get-vanilla" of the published Signature Version 4 test suite.
    fn vanilla() -> Parts {
        let request = Request::get("/")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            );
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_published_example_verifies() {
        let request = vanilla();
        let authorization = Authorization::of(&request.headers).unwrap();
        assert_eq!(authorization.region, "us-east-1");
        assert!(authorization.verify(&request, b"", SECRET));
        assert!(!authorization.verify(&request, b"x", SECRET));
        assert!(!authorization.verify(&request, b"", "another"));
    }

    #[test]
    fn other_authorizations_are_not_signatures() {
        for value in [
            "Basic eA==",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=00",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(Authorization::of(&headers), None, "{value}");
        }
    }

    #[test]
    fn a_signature_lives_five_minutes() {
        let headers = vanilla().headers;
        let signed_at: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        let later = |seconds| {
            stale_date(
                &headers,
                signed_at + jiff::SignedDuration::from_secs(seconds),
            )
        };
        assert_eq!(later(299), None);
        assert_eq!(later(301).as_deref(), Some("20150830T123600Z"));
        assert_eq!(later(-301).as_deref(), Some("20150830T123600Z"));
    }

    #[test]
    fn a_query_is_sorted_and_encoded_anew() {
        assert_eq!(canonical_query("b=2&a=%2f%7E&c"), "a=%2F~&b=2&c=");
        assert_eq!(percent_decode("100%25%zz%C3%A9"), "100%%zzé");
    }
}
