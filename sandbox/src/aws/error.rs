//! AWS's refusals, in the words and the form of each service.

use axum::body::Body;
use axum::http::{Response, header};
use quick_xml::escape::escape;
use serde_json::json;
use thiserror::Error;

use super::ThrottleError;

/// Which service a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    GuardDuty,
    Ec2,
    Sts,
}

impl Service {
    /// As it stands in a credential scope.
    pub(super) fn signing_name(self) -> &'static str {
        match self {
            Self::GuardDuty => "guardduty",
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
        }
    }
}

#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum ApiError {
    #[error("Missing Authentication Token")]
    Unsigned,
    #[error("The security token included in the request is invalid.")]
    UnknownClient,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    WrongSignature,
    #[error("Signature expired: {0} is too far from the time of the server")]
    Expired(String),
    #[error("Credential should be scoped to correct service: '{0}'.")]
    WrongService(&'static str),
    #[error("{caller} may not call {operation}")]
    Denied {
        caller: String,
        operation: &'static str,
    },
    #[error("Rate exceeded")]
    Throttled(ThrottleError),
    #[error("The request is rejected because {0}")]
    Invalid(String),
    #[error("The action {0} is not valid for this web service.")]
    UnknownOperation(String),
}

impl ApiError {
    /// The refusal of a value that is not in the API's range.
    pub(super) fn out_of_range() -> Self {
        Self::Invalid(
            "an invalid or out-of-range value is specified as an input parameter.".to_owned(),
        )
    }

    pub(super) fn response(&self, service: Service, request_id: &str) -> Response<Body> {
        let (status, code) = self.status_and_code(service);
        let message = self.message(service);
        let (content_type, body) = match service {
            Service::GuardDuty => ("application/json", json_body(code, &message)),
            Service::Ec2 => (
                "text/xml;charset=UTF-8",
                ec2_body(code, &message, request_id),
            ),
            Service::Sts => ("text/xml", sts_body(code, &message, request_id)),
        };
        let response = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, content_type)
            .header("x-amzn-requestid", request_id)
            .header("x-amzn-errortype", code)
            .body(Body::from(body));
        // Every status and header above is a constant or a UUID.
        response.unwrap_or_default()
    }

    fn status_and_code(&self, service: Service) -> (u16, &'static str) {
        match (self, service) {
            (Self::Unsigned, Service::GuardDuty) => (403, "MissingAuthenticationTokenException"),
            (Self::Unsigned, _) => (403, "MissingAuthenticationToken"),
            (Self::UnknownClient, Service::GuardDuty) => (403, "UnrecognizedClientException"),
            (Self::UnknownClient, Service::Ec2) => (401, "AuthFailure"),
            (Self::UnknownClient, Service::Sts) => (403, "InvalidClientTokenId"),
            (
                Self::WrongSignature | Self::Expired(_) | Self::WrongService(_),
                Service::GuardDuty,
            ) => (403, "InvalidSignatureException"),
            (Self::WrongSignature | Self::Expired(_) | Self::WrongService(_), _) => {
                (403, "SignatureDoesNotMatch")
            }
            (Self::Denied { .. }, Service::GuardDuty) => (403, "AccessDeniedException"),
            (Self::Denied { .. }, Service::Ec2) => (403, "UnauthorizedOperation"),
            (Self::Denied { .. }, Service::Sts) => (403, "AccessDenied"),
            (Self::Throttled(ThrottleError::Throttling), Service::GuardDuty) => {
                (429, "ThrottlingException")
            }
            (Self::Throttled(ThrottleError::TooManyRequests), Service::GuardDuty) => {
                (429, "TooManyRequestsException")
            }
            (Self::Throttled(_), Service::Ec2) => (503, "RequestLimitExceeded"),
            (Self::Throttled(_), Service::Sts) => (400, "Throttling"),
            (Self::Invalid(_), Service::GuardDuty) => (400, "BadRequestException"),
            (Self::Invalid(_), _) => (400, "InvalidParameterValue"),
            (Self::UnknownOperation(_), Service::GuardDuty) => (404, "UnknownOperationException"),
            (Self::UnknownOperation(_), _) => (400, "InvalidAction"),
        }
    }

    fn message(&self, service: Service) -> String {
        match (self, service) {
            (Self::UnknownClient, Service::Ec2) => {
                "AWS was not able to validate the provided access credentials".to_owned()
            }
            (Self::Throttled(_), Service::Ec2) => "Request limit exceeded.".to_owned(),
            (Self::Denied { caller, operation }, service) => {
                let action = format!("{}:{operation}", service.signing_name());
                format!(
                    "User: {caller} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
                )
            }
            _ => self.to_string(),
        }
    }
}

/// `GuardDuty` names the error in a header and, in the body, the cause of a `BadRequestException`.
fn json_body(code: &str, message: &str) -> String {
    let kind = if code == "BadRequestException" {
        "InvalidInputException"
    } else {
        code
    };
    json!({"__type": kind, "message": message}).to_string()
}

fn ec2_body(code: &str, message: &str, request_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{}\
         </Message></Error></Errors><RequestID>{request_id}</RequestID></Response>",
        escape(message)
    )
}

fn sts_body(code: &str, message: &str, request_id: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}\
         </Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(message)
    )
}
