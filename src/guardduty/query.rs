//! Calls of AWS's query protocol: a form, signed, and an answer in XML.
//!
//! The SDKs of these services would cost minutes and gigabytes of compilation for one call each.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::service_config::ServiceConfigKey;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::{Aws, AwsError};
use crate::reason;

/// How long whoever hands out credentials may take.
const CREDENTIALS_PATIENCE: Duration = Duration::from_mins(1);

/// One call of one service.
pub(super) struct Query {
    /// As it stands in host names and signatures.
    pub(super) service: &'static str,
    /// As `AWS_ENDPOINT_URL_…` spells it.
    pub(super) service_id: &'static str,
    /// The operation's name.
    pub(super) operation: &'static str,
    /// The form.
    pub(super) body: &'static str,
}

impl Aws {
    /// Sends a call in the master region and answers the XML.
    pub(super) async fn query(&self, query: &Query) -> Result<String, AwsError> {
        let action = self.query_action(query);
        let unavailable = |message: String| AwsError::Unavailable {
            action: action.clone(),
            message,
        };
        let request = self.signed_request(query, &action).await?;
        let response = self
            .web
            .send(request)
            .await
            .map_err(|error| unavailable(reason::of(&error)))?;
        let status = response.status();
        let body = String::from_utf8_lossy(response.body());
        if status.is_success() {
            return Ok(body.into_owned());
        }
        match element(&body, "Code") {
            Some(code) => Err(AwsError::classify(
                Some(&code),
                element(&body, "Message").as_deref(),
                action,
            )),
            None => Err(unavailable(format!("HTTP {status}"))),
        }
    }

    /// What an error text calls it.
    pub(super) fn query_action(&self, query: &Query) -> String {
        format!("{} in {}", query.operation, self.master_region)
    }

    async fn signed_request(
        &self,
        query: &Query,
        action: &str,
    ) -> Result<reqwest::Request, AwsError> {
        let rejected = |message: String| AwsError::Rejected {
            action: action.to_owned(),
            message,
        };
        let unauthorized = |message: String| AwsError::Unauthorized {
            action: action.to_owned(),
            message,
        };
        let provider = self
            .config
            .credentials_provider()
            .ok_or_else(|| unauthorized("there are none".into()))?;
        // A command that hands them out, and hangs, must not hold up the worker for ever.
        let credentials =
            tokio::time::timeout(CREDENTIALS_PATIENCE, provider.provide_credentials())
                .await
                .map_err(|_| AwsError::Unavailable {
                    action: action.to_owned(),
                    message: format!("no credentials within {} s", CREDENTIALS_PATIENCE.as_secs()),
                })?
                .map_err(|error| unauthorized(reason::of(&error)))?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.master_region)
            .name(query.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| rejected(error.to_string()))?
            .into();
        let endpoint = self.query_endpoint(query);
        let content_type = ("content-type", "application/x-www-form-urlencoded");
        let signable = SignableRequest::new(
            "POST",
            &endpoint,
            [content_type].into_iter(),
            SignableBody::Bytes(query.body.as_bytes()),
        )
        .map_err(|error| rejected(error.to_string()))?;
        let (instructions, _) = sign(signable, &params)
            .map_err(|error| rejected(error.to_string()))?
            .into_parts();
        let mut request = http::Request::post(&endpoint).header(content_type.0, content_type.1);
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let request = request
            .body(query.body)
            .map_err(|error| rejected(error.to_string()))?;
        request
            .try_into()
            .map_err(|error: reqwest::Error| rejected(reason::of(&error)))
    }

    /// `AWS_ENDPOINT_URL_<service>`, `AWS_ENDPOINT_URL` or their form in the AWS config file, else the region's own.
    fn query_endpoint(&self, query: &Query) -> String {
        let key = ServiceConfigKey::builder()
            .service_id(query.service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok();
        let configured = key
            .and_then(|key| self.config.service_config()?.load_config(key))
            .or_else(|| self.config.endpoint_url().map(str::to_owned));
        match configured {
            Some(url) if url.ends_with('/') => url,
            Some(url) => format!("{url}/"),
            None => format!(
                "https://{}.{}.{}/",
                query.service,
                self.master_region,
                dns_suffix(&self.master_region)
            ),
        }
    }
}

/// The domain of a region's partition.
fn dns_suffix(region: &str) -> &'static str {
    const SUFFIXES: [(&str, &str); 6] = [
        ("eusc-", "amazonaws.eu"),
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
    ];
    SUFFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// The text of the first element with this name.
pub(super) fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).ok()?.into_iter().next()
}

/// The texts of all elements with this name.
pub(super) fn elements(xml: &str, name: &str) -> Result<Vec<String>, String> {
    let mut reader = Reader::from_str(xml);
    let mut texts = Vec::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) if start.local_name().as_ref() == name => {
                let text = reader
                    .read_text(start.name())
                    .map_err(|error| error.to_string())?;
                let text = quick_xml::escape::unescape(&text).map_err(|error| error.to_string())?;
                texts.push(text.trim().to_owned());
            }
            Event::Eof => return Ok(texts),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_a_failure_keeps_awss_own_words() {
        let xml = "<Response><Errors><Error><Code>AuthFailure</Code><Message>a &lt; b</Message></Error></Errors></Response>";
        assert_eq!(element(xml, "Code").as_deref(), Some("AuthFailure"));
        assert_eq!(element(xml, "Message").as_deref(), Some("a < b"));
        assert!(elements("<a><b></a>", "b").is_err());
    }

    #[test]
    fn every_partition_has_its_domain() {
        assert_eq!(dns_suffix("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(dns_suffix("us-gov-west-1"), "amazonaws.com");
        assert_eq!(dns_suffix("us-iso-east-1"), "c2s.ic.gov");
        assert_eq!(dns_suffix("eusc-de-east-1"), "amazonaws.eu");
    }
}
