//! The regions of the account: EC2 `DescribeRegions`, one signed query.
//!
//! `aws-sdk-ec2` would cost minutes and gigabytes of compilation for this one call.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::service_config::ServiceConfigKey;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::{Aws, AwsError};
use crate::domain::Backoff;
use crate::reason;

const ATTEMPTS: u32 = 5;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20), 2);
const BODY: &str = "Action=DescribeRegions&Version=2016-11-15";

impl Aws {
    /// The names of the regions that are enabled for the account, asked in the master region.
    pub async fn describe_regions(&self) -> Result<Vec<String>, AwsError> {
        let mut attempt = 0;
        loop {
            match self.try_describe_regions().await {
                Err(error) if error.is_transient() && attempt + 1 < ATTEMPTS => {
                    tokio::time::sleep(BACKOFF.jittered(attempt, rand::random())).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_describe_regions(&self) -> Result<Vec<String>, AwsError> {
        let action = format!("DescribeRegions in {}", self.master_region);
        let unavailable = |message: String| AwsError::Unavailable {
            action: action.clone(),
            message,
        };
        let request = self.signed_request(&action).await?;
        let response = self
            .web
            .send(request)
            .await
            .map_err(|error| unavailable(reason::of(&error)))?;
        let status = response.status();
        let body = String::from_utf8_lossy(response.body());
        if status.is_success() {
            let names = elements(&body, "regionName")
                .map_err(|message| AwsError::Malformed { action, message })?;
            return Ok(names);
        }
        let first = |name: &str| {
            elements(&body, name)
                .ok()
                .and_then(|found| found.into_iter().next())
        };
        match first("Code") {
            Some(code) => Err(AwsError::classify(
                Some(&code),
                first("Message").as_deref(),
                action,
            )),
            None => Err(unavailable(format!("HTTP {status}"))),
        }
    }

    async fn signed_request(&self, action: &str) -> Result<reqwest::Request, AwsError> {
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
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| unauthorized(reason::of(&error)))?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.master_region)
            .name("ec2")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| rejected(error.to_string()))?
            .into();
        let endpoint = self.ec2_endpoint();
        let content_type = ("content-type", "application/x-www-form-urlencoded");
        let signable = SignableRequest::new(
            "POST",
            &endpoint,
            [content_type].into_iter(),
            SignableBody::Bytes(BODY.as_bytes()),
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
            .body(BODY)
            .map_err(|error| rejected(error.to_string()))?;
        request
            .try_into()
            .map_err(|error: reqwest::Error| rejected(reason::of(&error)))
    }

    /// `AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL` or their form in the AWS config file, else the region's own.
    fn ec2_endpoint(&self) -> String {
        let key = ServiceConfigKey::builder()
            .service_id("EC2")
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
                "https://ec2.{}.{}/",
                self.master_region,
                dns_suffix(&self.master_region)
            ),
        }
    }
}

/// The domain of a region's partition.
fn dns_suffix(region: &str) -> &'static str {
    const SUFFIXES: [(&str, &str); 5] = [
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

/// The texts of all elements with this name.
fn elements(xml: &str, name: &str) -> Result<Vec<String>, String> {
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
    fn reads_the_names_of_the_regions() {
        let xml = r#"<?xml version="1.0"?><DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <regionInfo><item><regionName>us-east-1</regionName><regionEndpoint>e</regionEndpoint></item>
            <item><regionName>eu-west-1</regionName></item></regionInfo></DescribeRegionsResponse>"#;
        assert_eq!(
            elements(xml, "regionName").unwrap(),
            ["us-east-1", "eu-west-1"]
        );
    }

    #[test]
    fn b4_a_failure_keeps_awss_own_words() {
        let xml = "<Response><Errors><Error><Code>AuthFailure</Code><Message>a &lt; b</Message></Error></Errors></Response>";
        assert_eq!(elements(xml, "Code").unwrap(), ["AuthFailure"]);
        assert_eq!(elements(xml, "Message").unwrap(), ["a < b"]);
        assert!(elements("<a><b></a>", "b").is_err());
    }

    #[test]
    fn every_partition_has_its_domain() {
        assert_eq!(dns_suffix("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(dns_suffix("us-gov-west-1"), "amazonaws.com");
        assert_eq!(dns_suffix("us-iso-east-1"), "c2s.ic.gov");
    }
}
