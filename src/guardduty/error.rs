//! What went wrong with an AWS call, by what the caller can do about it.

use aws_sdk_guardduty::error::{ProvideErrorMetadata, SdkError};

use crate::reason;

/// Failure of a call to AWS.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The credentials are refused in this region: wrong, expired, or the region is not enabled.
    #[error(
        "AWS refuses the credentials for {action}: {message} (check the keys, or the region's opt-in)"
    )]
    Unauthorized {
        /// Operation and region.
        action: String,
        /// AWS's own words.
        message: String,
    },
    /// The credentials lack a permission.
    #[error("AWS does not allow {action}: {message} (add the permission to the worker's policy)")]
    Forbidden {
        /// Operation and region.
        action: String,
        /// AWS's own words.
        message: String,
    },
    /// The detector is gone or belongs to another account.
    #[error("the detector is not usable for {action}: {message}")]
    DetectorGone {
        /// Operation and region.
        action: String,
        /// AWS's own words.
        message: String,
    },
    /// AWS understood the call and refused its content.
    #[error("AWS refused {action}: {message}")]
    Rejected {
        /// Operation and region.
        action: String,
        /// AWS's own words, with the error code.
        message: String,
    },
    /// Throttled, unreachable or out of order, also after the SDK's own retries.
    #[error("AWS could not serve {action}: {message}")]
    Unavailable {
        /// Operation and region.
        action: String,
        /// AWS's own words, or the connection's.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("AWS's answer to {action} cannot be read: {message}")]
    Malformed {
        /// Operation and region.
        action: String,
        /// What is wrong with it.
        message: String,
    },
    /// No client can be made of the configuration.
    #[error("could not set up the client of AWS: {0}")]
    Setup(String),
}

impl AwsError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Classifies the SDK's error for `action` (operation and region).
    pub(super) fn from_sdk<E, R>(error: &SdkError<E, R>, action: &str) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let action = action.to_owned();
        match error {
            SdkError::ServiceError(service) => {
                let metadata = service.err().meta();
                Self::classify(metadata.code(), metadata.message(), action)
            }
            SdkError::ConstructionFailure(_) => Self::Rejected {
                action,
                message: reason::of(error),
            },
            _ => Self::Unavailable {
                action,
                message: reason::of(error),
            },
        }
    }

    /// Classifies an error answer by its code.
    pub(super) fn classify(code: Option<&str>, message: Option<&str>, action: String) -> Self {
        let code = code.unwrap_or("no error code");
        let text = message.unwrap_or("no message").to_owned();
        let message = format!("{code}: {text}");
        match code {
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "AuthFailure"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken" => Self::Unauthorized { action, message },
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "ForbiddenException"
            | "OptInRequired" => Self::Forbidden { action, message },
            "BadRequestException" if text.contains("detectorId") => {
                Self::DetectorGone { action, message }
            }
            "BadRequestException"
            | "ValidationException"
            | "ValidationError"
            | "InvalidInputException" => Self::Rejected { action, message },
            _ => Self::Unavailable { action, message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(code: &str, message: &str) -> AwsError {
        AwsError::classify(
            Some(code),
            Some(message),
            "ListFindings in eu-west-1".into(),
        )
    }

    #[test]
    fn b2_an_invalid_token_is_told_by_its_code() {
        let error = classify(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        );
        assert!(matches!(error, AwsError::Unauthorized { .. }));
        assert!(error.to_string().contains("ListFindings in eu-west-1"));
    }

    #[test]
    fn throttling_is_transient_and_a_refusal_is_not() {
        assert!(classify("TooManyRequestsException", "Rate exceeded").is_transient());
        assert!(classify("ThrottlingException", "Rate exceeded").is_transient());
        assert!(!classify("BadRequestException", "The request is rejected").is_transient());
        let gone = classify(
            "BadRequestException",
            "the input detectorId is not owned by the current account.",
        );
        assert!(matches!(gone, AwsError::DetectorGone { .. }));
    }
}
