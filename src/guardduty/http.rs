//! HTTP for the AWS SDK, over the same client as everywhere: one way for proxies, trust and their errors.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

use super::{AwsError, kept};
use crate::body::{self, BodyError};
use crate::budget::{self, Budget};
use crate::config::{GuardDutyConfig, Proxies, Proxying};
use crate::measures::Calls;
use crate::proxy::{self, PROXY_LOGIN_REFUSED};
use crate::reason;
use crate::redaction::Secrets;

/// How long a TCP and TLS connection may take to come up.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The same on this machine and its link, where credentials are asked for, often in vain.
const NEAR_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The HTTP client of every call to AWS.
#[derive(Debug, Clone)]
pub(super) struct Web {
    far: reqwest::Client,
    /// Knows no proxy.
    near: reqwest::Client,
    /// By host, as AWS throttles each service in each region by itself.
    budgets: Arc<Mutex<HashMap<String, Arc<Budget>>>>,
    most_requests: usize,
    calls: Calls,
}

impl Web {
    /// A client that finds its proxies and proves itself as configured.
    pub(super) fn new(
        config: &GuardDutyConfig,
        tls: &rustls::ClientConfig,
        calls: Calls,
    ) -> Result<Self, AwsError> {
        let client = |proxying: &Proxying, patience| {
            let client = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .connect_timeout(patience)
                .timeout(config.request_timeout)
                // A redirected request would need a new signature.
                .redirect(Policy::none());
            proxy::for_web(client, proxying)
                .map_err(|error| AwsError::Setup(error.to_string()))?
                .build()
                .map_err(|error| AwsError::Setup(reason::of(&error)))
        };
        Ok(Self {
            far: client(&config.proxying, CONNECT_TIMEOUT)?,
            near: client(
                &Proxying::ByConfig(Proxies::default()),
                NEAR_CONNECT_TIMEOUT,
            )?,
            budgets: Arc::default(),
            most_requests: config.max_requests,
            calls,
        })
    }

    fn budget(&self, url: &Url) -> Arc<Budget> {
        let host = url.host_str().unwrap_or_default();
        kept(&self.budgets, host, || {
            Arc::new(Budget::new(host, self.most_requests, self.calls.clone()))
        })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(
        &self,
        request: reqwest::Request,
    ) -> Result<http::Response<Bytes>, ConnectorError> {
        let client = if is_near(request.url()) {
            &self.near
        } else {
            &self.far
        };
        let secrets = Secrets::of(request.headers());
        let body = request.body().and_then(|body| body.as_bytes());
        let (method, path) = (request.method().as_str(), request.url().path());
        let kind = budget::sized_kind(method, path, body.map_or(0, <[u8]>::len));
        let budget = self.budget(request.url());
        let place = budget.place(None).await;
        let mut response = client.execute(request).await.map_err(failure)?;
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(ConnectorError::other(PROXY_LOGIN_REFUSED.into(), None));
        }
        let status = response.status();
        let mut answer = http::Response::builder().status(status);
        if let Some(headers) = answer.headers_mut() {
            *headers = std::mem::take(response.headers_mut());
        }
        let body = body::read(response, body::LIMIT)
            .await
            .map_err(|error| match error {
                BodyError::Transport(error) => failure(error),
                // No answer that comes again would be shorter.
                error @ BodyError::TooLong { .. } => {
                    ConnectorError::other(format!("AWS's answer: {error}").into(), None)
                }
            })?;
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => place.refused(),
            status if status.is_success() => place.answered(&kind),
            status if status.is_client_error() => place.rejected(),
            _ => drop(place),
        }
        let body = if status.is_success() {
            body
        } else {
            // AWS tells of a wrong signature by repeating what was signed.
            secrets.hide(&String::from_utf8_lossy(&body)).into()
        };
        answer
            .body(body)
            .map_err(|error| ConnectorError::user(error.into()))
    }
}

/// Whether a server is on this machine or its link, as those are that hand out credentials. To a proxy the same address
/// would lead elsewhere, and it must not learn the credentials.
fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.segments().starts_with(&[0xfd00, 0x0ec2])
        }
        Err(_) => host == "localhost",
    }
}

/// What the SDK tries again, and what it does not.
fn failure(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else if reason::needs_mending(&error) {
        ConnectorError::other(error.into(), None)
    } else {
        ConnectorError::io(error.into())
    }
}

impl HttpClient for Web {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            web: self.clone(),
            // The time for the answer counts from the first byte sent, ours from the start.
            patience: settings
                .read_timeout()
                .map(|read| read + settings.connect_timeout().unwrap_or_default()),
        })
    }
}

/// The client with the limits of one of the SDK's own clients.
#[derive(Debug)]
struct Connector {
    web: Web,
    patience: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (web, patience) = (self.web.clone(), self.patience);
        HttpConnectorFuture::new(async move {
            let request = translated(request).map_err(ConnectorError::user)?;
            let answer = web.send(request);
            let answer = match patience {
                None => answer.await,
                Some(patience) => tokio::time::timeout(patience, answer)
                    .await
                    .unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into()))),
            };
            HttpResponse::try_from(answer?.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn translated(request: HttpRequest) -> Result<reqwest::Request, BoxError> {
    let (head, body) = request.try_into_http1x()?.into_parts();
    let body = body.bytes().ok_or("no body of a stream is sent here")?;
    let body = Bytes::copy_from_slice(body);
    Ok(http::Request::from_parts(head, body).try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_credentials_are_near_and_no_others() {
        let is_near = |url: &str| is_near(&url.parse().unwrap());
        for near in [
            "http://169.254.169.254/latest/meta-data/",
            "http://169.254.170.2/v2/credentials/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest/",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://localhost:51679/credentials",
            "http://127.0.0.1:51679/credentials",
            "http://[::1]/credentials",
        ] {
            assert!(is_near(near), "{near}");
        }
        for far in [
            "https://guardduty.us-east-1.amazonaws.com/detector",
            "https://localhost.example.com/",
            "http://10.0.0.1/",
            "http://[fd00::1]/",
        ] {
            assert!(!is_near(far), "{far}");
        }
    }
}
