//! The functions that SOAR calls, one handler each.

mod archive_finding;
mod inputs;
mod refresh_finding;
mod result;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::customizations::{ARCHIVE_FINDING, REFRESH_FINDING};
use crate::domain::Backoff;
use crate::guardduty::{Aws, AwsError};
use crate::soar::{Soar, SoarError};
pub(crate) use inputs::FINDING_ID;
use inputs::InputError;
use result::ResultPayload;

/// How long AWS may throttle or be away before a function fails: a workflow rather waits than fails.
const PATIENCE: Duration = Duration::from_mins(1);
/// The pauses in between, beyond those of the SDK, whose attempts all calls of a region share.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15), 2);

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
    /// The broker delivered it before: whoever had it then may have calls under way.
    pub redelivered: bool,
}

/// How a function ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a result as JSON, which may tell of a refusal by AWS.
    Done(String),
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

/// How long a function has waited for AWS.
struct Patience {
    begin: Instant,
    attempts: u32,
}

impl Patience {
    fn new() -> Self {
        Self {
            begin: Instant::now(),
            attempts: 0,
        }
    }

    /// Waits for the next attempt; the error itself where that is of no use, or AWS has been away for [`PATIENCE`].
    async fn after(&mut self, error: AwsError) -> Result<(), AwsError> {
        if !error.is_transient() || self.begin.elapsed() >= PATIENCE {
            return Err(error);
        }
        tracing::debug!("a function waits for AWS: {error}");
        tokio::time::sleep(PAUSES.jittered(self.attempts, rand::random())).await;
        self.attempts += 1;
        Ok(())
    }
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
                    content,
                    inputs: &request.inputs,
                    elapsed: started.elapsed(),
                }
                .to_json(Timestamp::now(), &self.time_zone),
            ),
            Err(error) => Outcome::Failed(format!("{name}: {error}")),
        }
    }
}
