//! The query services, called with requests signed by `aws-sigv4`.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

/// Posts a form to `/`, signed for a service and a region.
async fn call(aws: &Aws, service: &str, region: &str, form: &str) -> (StatusCode, String) {
    let options = AwsOptions::default();
    call_signed(aws, service, region, form, &options.secret_access_key).await
}

async fn call_signed(
    aws: &Aws,
    service: &str,
    region: &str,
    form: &str,
    secret: &str,
) -> (StatusCode, String) {
    let options = AwsOptions::default();
    let identity = Credentials::new(&options.access_key_id, secret, None, None, "test").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let headers = [("host", "aws.example")].into_iter();
    let signable = SignableRequest::new(
        "POST",
        "http://aws.example/",
        headers,
        SignableBody::Bytes(form.as_bytes()),
    )
    .unwrap();
    let (instructions, _) = sign(signable, &parameters.into()).unwrap().into_parts();
    let mut request = Request::post("http://aws.example/")
        .header("host", "aws.example")
        .body(Body::from(form.to_owned()))
        .unwrap();
    instructions.apply_to_request_http1x(&mut request);
    let answer = aws.router().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start)
        .skip(1)
        .filter_map(|rest| rest.split_once(end))
        .map(|(value, _)| value)
        .collect()
}

async fn regions(aws: &Aws, region: &str, parameters: &str) -> Vec<String> {
    let form = format!("Action=DescribeRegions&Version=2016-11-15{parameters}");
    let (status, body) = call(aws, "ec2", region, &form).await;
    assert_eq!(status, 200, "{body}");
    between(&body, "<regionName>", "</regionName>")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn opened_in(region: &str) -> Aws {
    Aws::new(AwsOptions {
        regions: vec![region.to_owned()],
        ..AwsOptions::default()
    })
}

#[tokio::test]
async fn every_partition_tells_its_own_regions() {
    assert_eq!(
        regions(&opened_in("us-east-1"), "us-east-1", "")
            .await
            .len(),
        17
    );
    assert_eq!(
        regions(&opened_in("cn-north-1"), "cn-north-1", "").await,
        ["cn-north-1", "cn-northwest-1"]
    );
    assert_eq!(
        regions(&opened_in("us-gov-west-1"), "us-gov-west-1", "").await,
        ["us-gov-east-1", "us-gov-west-1"]
    );
}

#[tokio::test]
async fn only_what_the_account_may_use_is_told_unless_all_is_asked_for() {
    let aws = Aws::new(AwsOptions {
        enabled_regions: vec!["us-east-1".to_owned(), "eu-south-1".to_owned()],
        ..AwsOptions::default()
    });
    assert_eq!(
        regions(&aws, "us-east-1", "").await,
        ["eu-south-1", "us-east-1"]
    );
    assert_eq!(
        regions(&aws, "us-east-1", "&AllRegions=true").await.len(),
        33
    );
    assert_eq!(
        regions(&aws, "us-east-1", "&RegionName.1=us-east-1").await,
        ["us-east-1"]
    );
    let opted_in = "&Filter.1.Name=opt-in-status&Filter.1.Value.1=opted-in";
    assert_eq!(regions(&aws, "us-east-1", opted_in).await, ["eu-south-1"]);
    aws.disable_region("eu-south-1");
    assert_eq!(regions(&aws, "us-east-1", "").await, ["us-east-1"]);
}

#[tokio::test]
async fn the_caller_learns_who_it_is() {
    let (status, body) = call(
        &opened_in("us-east-1"),
        "sts",
        "us-east-1",
        "Action=GetCallerIdentity&Version=2011-06-15",
    )
    .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(between(&body, "<Account>", "</Account>"), ["111122223333"]);
    assert_eq!(
        between(&body, "<Arn>", "</Arn>"),
        ["arn:aws:iam::111122223333:user/sandbox"]
    );
}

#[tokio::test]
async fn refusals_are_in_the_services_own_xml() {
    let aws = opened_in("us-east-1");
    let form = "Action=DescribeRegions&Version=2016-11-15";
    let code = |body: &str| between(body, "<Code>", "</Code>").concat();

    let (status, body) = call(&aws, "ec2", "eu-south-1", form).await;
    assert_eq!(
        (status.as_u16(), code(&body).as_str()),
        (401, "AuthFailure")
    );
    let (status, body) = call_signed(&aws, "ec2", "us-east-1", form, "another secret").await;
    assert_eq!(
        (status.as_u16(), code(&body).as_str()),
        (403, "SignatureDoesNotMatch")
    );
    let (status, body) = call(&aws, "guardduty", "us-east-1", form).await;
    assert_eq!(
        (status.as_u16(), code(&body).as_str()),
        (403, "SignatureDoesNotMatch")
    );
    let (status, body) = call(&aws, "ec2", "us-east-1", "Action=DescribeMoons").await;
    assert_eq!(
        (status.as_u16(), code(&body).as_str()),
        (400, "InvalidAction")
    );
    aws.set_throttle(Some(crate::aws::Throttle::default()));
    let (status, body) = call(&aws, "ec2", "us-east-1", form).await;
    assert_eq!(
        (status.as_u16(), code(&body).as_str()),
        (503, "RequestLimitExceeded")
    );
    let (status, body) = call(&aws, "sts", "us-east-1", "Action=GetCallerIdentity").await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (400, "Throttling"));
}
