//! `GuardDuty`: list, get and archive findings in any region.

mod error;
mod http;
mod identity;
mod query;
mod raw;
mod regions;

pub use error::AwsError;
pub use identity::Identity;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_guardduty::Client;
use aws_sdk_guardduty::config::StalledStreamProtectionConfig;
use aws_sdk_guardduty::config::retry::RetryConfig;
use aws_sdk_guardduty::config::timeout::TimeoutConfig;
use aws_sdk_guardduty::types::{Condition, FindingCriteria, OrderBy, SortCriteria};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::config::GuardDutyConfig;
use crate::domain::{Criteria, Finding};
use crate::measures::Calls;
use crate::mutex::lock;
use http::{CONNECT_TIMEOUT, Web};
use raw::RawBody;

/// Most ids that one call takes (`GuardDuty` API).
pub const BATCH: usize = 50;
/// How often a call that fails is sent.
pub const ATTEMPTS: u32 = 6;

/// So many things are kept by region or host: AWS has some forty regions, and what a function is given may be no region at all.
const MOST_KEPT: usize = 100;

/// Access to AWS with one set of credentials.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    master_region: String,
    web: Web,
    /// By region: the SDK takes longer to set one up than to make a call.
    clients: Arc<Mutex<HashMap<String, GuardDuty>>>,
}

impl Aws {
    /// Prepares the clients; credentials are looked up at the first call. `calls` is told what becomes of each call.
    pub async fn new(
        config: &GuardDutyConfig,
        tls: rustls::ClientConfig,
        calls: Calls,
    ) -> Result<Self, AwsError> {
        let web = Web::new(config, &tls, calls)?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(web.clone())
            .region(Region::new(config.master_region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts(config.request_timeout))
            // No body is a stream here.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(keys) = &config.keys {
            loader = loader.credentials_provider(Credentials::new(
                keys.access_key_id.clone(),
                keys.secret_access_key.expose_secret(),
                None,
                None,
                "app.config",
            ));
        }
        Ok(Self {
            config: loader.load().await,
            master_region: config.master_region.clone(),
            web,
            clients: Arc::default(),
        })
    }

    /// A client that sends each call once and soon gives it up, for whoever waits for the outcome.
    #[must_use]
    pub fn impatient(&self, patience: Duration) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience)
            .operation_timeout(patience)
            .build();
        let config = self
            .config
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self {
            config,
            clients: Arc::default(),
            ..self.clone()
        }
    }

    /// A client of one region.
    pub fn region(&self, name: &str) -> GuardDuty {
        kept(&self.clients, name, || self.new_client(name))
    }

    fn new_client(&self, name: &str) -> GuardDuty {
        let config = self
            .config
            .to_builder()
            .region(Region::new(name.to_owned()))
            .build();
        GuardDuty {
            client: Client::new(&config),
            region: name.to_owned(),
        }
    }
}

/// What is kept under a name, or else made, and kept while there is room.
fn kept<T: Clone>(all: &Mutex<HashMap<String, T>>, name: &str, make: impl FnOnce() -> T) -> T {
    let mut all = lock(all);
    if let Some(known) = all.get(name) {
        return known.clone();
    }
    let new = make();
    if all.len() < MOST_KEPT {
        all.insert(name.to_owned(), new.clone());
    }
    new
}

fn timeouts(request: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(request)
        .build()
}

/// `GuardDuty` of one region.
#[derive(Debug, Clone)]
pub struct GuardDuty {
    client: Client,
    region: String,
}

/// One page of `ListFindings`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Finding ids, in the order of `updatedAt`.
    pub ids: Vec<String>,
    /// Where the next page begins.
    pub next_token: Option<String>,
}

/// Whether AWS archived a finding.
#[derive(Debug, PartialEq, Eq)]
pub enum Archiving {
    /// It did.
    Done,
    /// It refused, in its own words; trying again does not help.
    Refused(String),
}

impl GuardDuty {
    /// The region's name.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The ids of the region's detectors; AWS allows one a region and account.
    pub async fn detectors(&self) -> Result<Vec<String>, AwsError> {
        let mut detectors = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .client
                .list_detectors()
                .set_next_token(token.clone())
                .send()
                .await;
            let answer = answer
                .map_err(|error| AwsError::from_sdk(&error, &self.action("ListDetectors")))?;
            detectors.extend(answer.detector_ids.unwrap_or_default());
            let next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() || next == token {
                return Ok(detectors);
            }
            token = next;
        }
    }

    /// One page of the ids of findings that match, oldest update first.
    pub async fn list_findings(
        &self,
        detector: &str,
        criteria: &Criteria,
        token: Option<String>,
    ) -> Result<Page, AwsError> {
        let sort = SortCriteria::builder()
            .attribute_name("updatedAt")
            .order_by(OrderBy::Asc)
            .build();
        let answer = self
            .client
            .list_findings()
            .detector_id(detector)
            .finding_criteria(finding_criteria(criteria))
            .sort_criteria(sort)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(&error, &self.action("ListFindings")))?;
        Ok(Page {
            ids: answer.finding_ids.unwrap_or_default(),
            next_token: answer.next_token.filter(|token| !token.is_empty()),
        })
    }

    /// The id of any finding, archived or not; `None` where there is none.
    pub async fn any_finding(&self, detector: &str) -> Result<Option<String>, AwsError> {
        let answer = self
            .client
            .list_findings()
            .detector_id(detector)
            .max_results(1)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(&error, &self.action("ListFindings")))?;
        Ok(answer.finding_ids.unwrap_or_default().into_iter().next())
    }

    /// Findings by their ids, [`BATCH`] a call; one that AWS no longer has is left out.
    pub async fn findings(&self, detector: &str, ids: &[String]) -> Result<Vec<Finding>, AwsError> {
        let mut findings = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            findings.extend(self.batch(detector, ids).await?);
        }
        Ok(findings)
    }

    async fn batch(&self, detector: &str, ids: &[String]) -> Result<Vec<Finding>, AwsError> {
        let raw = RawBody::default();
        let call = self
            .client
            .get_findings()
            .detector_id(detector)
            .set_finding_ids(Some(ids.to_vec()))
            .customize()
            .interceptor(raw.clone())
            .send();
        // The SDK's futures are large, and each one around them would be moved with it.
        let answer = Box::pin(call).await;
        // The SDK has not read it: one odd member must not hide 50 findings.
        match (raw.take(), answer) {
            (Some(body), _) => self.read_findings(&body),
            (None, Err(error)) => Err(AwsError::from_sdk(&error, &self.action("GetFindings"))),
            (None, Ok(_)) => Err(self.malformed("the body is gone")),
        }
    }

    /// Findings by their ids; those that AWS leaves out are asked for once more before they count as deleted.
    pub async fn present_findings(
        &self,
        detector: &str,
        ids: &[String],
    ) -> Result<Vec<Finding>, AwsError> {
        let mut findings = self.findings(detector, ids).await?;
        let present: HashSet<&str> = findings.iter().map(Finding::id).collect();
        let missing = |id: &&String| !present.contains(id.as_str());
        let missing: Vec<String> = ids.iter().filter(missing).cloned().collect();
        findings.extend(self.findings(detector, &missing).await?);
        Ok(findings)
    }

    fn read_findings(&self, body: &[u8]) -> Result<Vec<Finding>, AwsError> {
        let mut answer: Value =
            serde_json::from_slice(body).map_err(|error| self.malformed(&error.to_string()))?;
        let Some(Value::Array(findings)) = answer.get_mut("findings").map(Value::take) else {
            return Err(self.malformed("it has no findings"));
        };
        let read = |finding| {
            Finding::from_wire(finding)
                .inspect_err(|error| {
                    tracing::error!(
                        region = self.region,
                        "a finding of AWS cannot be read: {error}"
                    );
                })
                .ok()
        };
        Ok(findings.into_iter().filter_map(read).collect())
    }

    /// Archives one finding.
    pub async fn archive(&self, detector: &str, finding_id: &str) -> Result<Archiving, AwsError> {
        let call = self
            .client
            .archive_findings()
            .detector_id(detector)
            .finding_ids(finding_id)
            .send();
        let answer = Box::pin(call).await;
        match answer.map_err(|error| AwsError::from_sdk(&error, &self.action("ArchiveFindings"))) {
            Ok(_) => Ok(Archiving::Done),
            Err(
                AwsError::Rejected { message, .. }
                | AwsError::DetectorGone { message, .. }
                | AwsError::Forbidden { message, .. },
            ) => Ok(Archiving::Refused(message)),
            Err(error) => Err(error),
        }
    }

    fn action(&self, operation: &str) -> String {
        format!("{operation} in {}", self.region)
    }

    fn malformed(&self, message: &str) -> AwsError {
        AwsError::Malformed {
            action: self.action("GetFindings"),
            message: message.to_owned(),
        }
    }
}

/// Not the deprecated operators: in the SDK their numbers have 32 bits, too few for milliseconds.
fn finding_criteria(criteria: &Criteria) -> FindingCriteria {
    let at_least = |value| Condition::builder().greater_than_or_equal(value).build();
    let mut builder = FindingCriteria::builder().criterion(
        "service.archived",
        Condition::builder().equals("false").build(),
    );
    if let Some(severity) = criteria.severity_at_least {
        builder = builder.criterion("severity", at_least(i64::from(severity)));
    }
    if let Some(since) = criteria.updated_since {
        builder = builder.criterion("updatedAt", at_least(since.as_millisecond()));
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{self, tests::says};
    use crate::config::{Lookups, parse};

    struct Nothing;

    impl Lookups for Nothing {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }

        fn file(&self, _: &std::path::Path) -> std::io::Result<String> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }

    async fn aws() -> Aws {
        let text = "[resilient]\nhost = h\norg = o\napi_key_id = i\napi_key_secret = s\n\
             [fn_aws_guardduty]\naws_gd_master_region = us-east-1\naws_gd_regions = x\n\
             https_proxy = http://u:pr0xy-password@p.example.com:3128\n\
             aws_gd_access_key_id = AKIA\naws_gd_secret_access_key = aws-s3cret\n";
        let config = parse(text, &Nothing).unwrap().guardduty;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        Aws::new(&config, tls, Calls::default()).await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_beyond_the_limit_is_refused_by_the_name_of_its_call() {
        let length = body::LIMIT + 1;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let url = says(head.into_bytes()).await;
        let mut aws = aws().await;
        aws.config = aws.config.to_builder().endpoint_url(url).build();
        let error = aws.region("us-east-1").detectors().await.unwrap_err();
        let told = error.to_string();
        assert!(told.contains("ListDetectors in us-east-1"), "{told}");
        assert!(
            told.contains("longer than the limit of 67108864 bytes"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn a_finding_nested_too_deep_is_refused() {
        let guardduty = aws().await.region("us-east-1");
        let answer = |depth: usize| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            guardduty.read_findings(
                format!(r#"{{"findings":[{{"id":"f","x":{open}{close}}}]}}"#).as_bytes(),
            )
        };
        // The answer, its list and the finding are three levels of the 127 that the parser takes.
        assert_eq!(answer(124).unwrap().len(), 1);
        let error = answer(125).unwrap_err();
        assert!(matches!(error, AwsError::Malformed { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_client_does_not_show_its_secrets() {
        let aws = aws().await;
        for shown in [format!("{aws:?}"), format!("{:?}", aws.region("us-east-1"))] {
            assert!(shown.contains("us-east-1"), "{shown}");
            assert!(!shown.contains("aws-s3cret"), "{shown}");
            assert!(!shown.contains("pr0xy-password"), "{shown}");
        }
    }
}
