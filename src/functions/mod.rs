//! The functions that SOAR calls, one handler each.

mod archive_finding;
mod inputs;
mod refresh_finding;
mod result;

use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::customizations::{ARCHIVE_FINDING, REFRESH_FINDING};
use crate::guardduty::{Aws, AwsError};
use crate::soar::{Soar, SoarError};
use inputs::InputError;
use result::ResultPayload;

/// What a call gives its function.
#[derive(Debug, Clone)]
pub struct Request {
    /// The inputs by name.
    pub inputs: Map<String, Value>,
    /// Set where the message may have been worked on before, by this worker or an earlier one:
    /// what it did then is looked for before it is done again.
    pub repeated: Option<Repeated>,
}

/// A message that may have been worked on before.
#[derive(Debug, Clone, Copy)]
pub struct Repeated {
    /// When the platform sent it, milliseconds since 1970; what is older was not done by it.
    pub sent: i64,
}

/// How a function ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a result, which may tell of a refusal by AWS.
    Done(Value),
    /// Without one; the reason on one line.
    Failed(String),
}

/// The functions and what they work with.
#[derive(Debug)]
pub struct Functions {
    soar: Soar,
    aws: Aws,
    time_zone: TimeZone,
}

/// Why a function has no result.
#[derive(Debug, thiserror::Error)]
enum FunctionError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Soar(#[from] SoarError),
}

impl Functions {
    /// The functions, working with these clients; table times are written in `time_zone`.
    pub fn new(soar: Soar, aws: Aws, time_zone: TimeZone) -> Self {
        Self {
            soar,
            aws,
            time_zone,
        }
    }

    /// Runs the function of this name.
    pub async fn run(&self, name: &str, request: &Request) -> Outcome {
        let started = Instant::now();
        let content = match name {
            REFRESH_FINDING => self.refresh_finding(request).await,
            ARCHIVE_FINDING => self.archive_finding(request).await,
            _ => {
                return Outcome::Failed(format!(
                    "fn-aws-guardduty has no function '{name}'; it serves {REFRESH_FINDING} and {ARCHIVE_FINDING}"
                ));
            }
        };
        match content {
            Ok(content) => Outcome::Done(
                ResultPayload {
                    content: &content,
                    inputs: &request.inputs,
                    elapsed: started.elapsed(),
                }
                .to_value(Timestamp::now(), &self.time_zone),
            ),
            Err(error) => Outcome::Failed(format!("{name}: {error}")),
        }
    }
}
