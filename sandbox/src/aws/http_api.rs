//! The HTTP side: who calls, with what right, and what for.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, Response, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use uuid::Uuid;

use super::account::Account;
use super::error::{ApiError, Service};
use super::signature::{self, Authorization};
use super::{Aws, guardduty, query_api};

/// What a call is answered with when it is not refused.
pub(super) enum Answer {
    Json(String),
    Xml(String),
}

pub(super) fn router(aws: Aws) -> Router {
    // AWS tells the operation by the path for GuardDuty and by a form field for the others, and refuses an unsigned
    // call before it looks at either: one handler decides in that order.
    Router::new().fallback(serve).with_state(aws)
}

async fn serve(State(aws): State<Aws>, request: Request<Body>) -> Response<Body> {
    let request_id = Uuid::new_v4().to_string();
    let (request, body) = request.into_parts();
    let Ok(body) = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
    else {
        return ApiError::out_of_range().response(Service::GuardDuty, &request_id);
    };
    let service = service(&request, &body);
    match answer(&aws, service, &request, &body, &request_id) {
        Ok(Answer::Json(text)) => success("application/json", text, &request_id),
        Ok(Answer::Xml(text)) => success("text/xml;charset=UTF-8", text, &request_id),
        Err(refusal) => refusal.response(service, &request_id),
    }
}

fn success(content_type: &str, text: String, request_id: &str) -> Response<Body> {
    let response = Response::builder()
        .header(header::CONTENT_TYPE, content_type)
        .header("x-amzn-requestid", request_id)
        .body(Body::from(text));
    // The headers are constants and a UUID.
    response.unwrap_or_default()
}

/// The query services live at `/`, everything else is `GuardDuty`'s.
fn service(request: &Parts, body: &Bytes) -> Service {
    if request.uri.path() != "/" {
        return Service::GuardDuty;
    }
    let signed_for_sts =
        Authorization::of(&request.headers).is_some_and(|signed| signed.service == "sts");
    let action = query_api::parameters(request, body).remove("Action");
    if signed_for_sts || action.as_deref() == Some("GetCallerIdentity") {
        Service::Sts
    } else {
        Service::Ec2
    }
}

fn answer(
    aws: &Aws,
    service: Service,
    request: &Parts,
    body: &Bytes,
    request_id: &str,
) -> Result<Answer, ApiError> {
    let mut account = aws.account();
    let region = authenticate(&account, service, request, body)?;
    match service {
        Service::GuardDuty => {
            let answer = guardduty::answer(&mut account, &region, request, body);
            if guardduty::writes(request) {
                aws.tell_change();
            }
            answer
        }
        Service::Ec2 | Service::Sts => {
            query_api::answer(&mut account, service, &region, request, body, request_id)
        }
    }
}

/// The region that the call was signed for.
fn authenticate(
    account: &Account,
    service: Service,
    request: &Parts,
    body: &[u8],
) -> Result<String, ApiError> {
    let signed = Authorization::of(&request.headers).ok_or(ApiError::Unsigned)?;
    if signed.service != service.signing_name() {
        return Err(ApiError::WrongService(service.signing_name()));
    }
    // A region that the account is not opted into does not know the account's keys.
    if signed.access_key_id != account.options.access_key_id
        || !account.enabled_regions.contains(&signed.region)
    {
        return Err(ApiError::UnknownClient);
    }
    // The signer's clock is the system's, whatever clock the account's findings go by.
    if let Some(date) = signature::stale_date(&request.headers, Timestamp::now()) {
        return Err(ApiError::Expired(date));
    }
    if !signed.verify(request, body, &account.options.secret_access_key) {
        return Err(ApiError::WrongSignature);
    }
    Ok(signed.region)
}

/// Counts a call and refuses it when it is not allowed or there are too many.
pub(super) fn admit(account: &mut Account, operation: &'static str) -> Result<(), ApiError> {
    *account.calls.entry(operation).or_default() += 1;
    if account.denied.contains(operation) {
        return Err(ApiError::Denied {
            caller: account.arn(),
            operation,
        });
    }
    let Some(throttle) = &mut account.throttle else {
        return Ok(());
    };
    let error = throttle.error;
    match &mut throttle.calls {
        None => Err(ApiError::Throttled(error)),
        Some(0) => {
            account.throttle = None;
            Ok(())
        }
        Some(left) => {
            *left -= 1;
            Err(ApiError::Throttled(error))
        }
    }
}
