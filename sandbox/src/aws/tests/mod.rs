//! The endpoint as its clients see it: the official SDK, and signed requests of our own.

mod access;
mod archive;
mod criteria;
mod paging;
mod query_api;
mod samples;

use aws_sdk_guardduty::Client;
use aws_sdk_guardduty::config::retry::RetryConfig;
use aws_sdk_guardduty::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_guardduty::error::ProvideErrorMetadata;
use serde_json::{Value, json};

use super::{Aws, AwsOptions};

const REGION: &str = "eu-west-1";

/// An account that listens, with detectors in two regions.
struct World {
    aws: Aws,
    url: String,
}

impl World {
    async fn start() -> Self {
        let regions = vec![REGION.to_owned(), "us-east-1".to_owned()];
        Self::with(AwsOptions {
            regions,
            ..AwsOptions::default()
        })
        .await
    }

    async fn with(options: AwsOptions) -> Self {
        let aws = Aws::new(options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = aws.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { aws, url }
    }

    fn client(&self) -> Client {
        self.client_of(REGION)
    }

    fn client_of(&self, region: &str) -> Client {
        let options = AwsOptions::default();
        self.client_with(region, &options.access_key_id, &options.secret_access_key)
    }

    fn client_with(&self, region: &str, key_id: &str, secret: &str) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(&self.url)
            .credentials_provider(Credentials::new(key_id, secret, None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Client::from_conf(config)
    }

    fn detector(&self) -> String {
        self.aws.detector_id(REGION).unwrap()
    }
}

/// A small finding, updated at that time.
fn finding(updated_at: &str, severity: &Value) -> Value {
    json!({
        "type": "Recon:EC2/Portscan",
        "severity": severity,
        "updatedAt": updated_at,
        "resource": {"resourceType": "Instance"},
    })
}

/// The name and the message of a refusal, as the SDK understood them.
fn refusal<E: ProvideErrorMetadata, T: std::fmt::Debug>(result: Result<T, E>) -> (String, String) {
    let error = result.unwrap_err();
    (
        error.code().unwrap_or_default().to_owned(),
        error.message().unwrap_or_default().to_owned(),
    )
}
