//! The answer of `GetFindings` as AWS sent it.
//!
//! The SDK's `Finding` drops members newer than the SDK and cannot be written out again, so the JSON
//! is taken from the response itself.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;

use crate::mutex::lock;

/// What the SDK gets to read in place of the findings: nobody would look at what it makes of them.
const NO_FINDINGS: &str = r#"{"findings":[]}"#;

/// Takes the body of the successful response of the call that it is attached to.
#[derive(Debug, Clone, Default)]
pub(super) struct RawBody(Arc<Mutex<Option<Bytes>>>);

impl RawBody {
    /// The body, once the call has ended.
    pub(super) fn take(&self) -> Option<Bytes> {
        lock(&self.0).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        // Our connector has read it: it is no stream.
        if response.status().is_success()
            && let Some(body) = response.body().bytes()
        {
            *lock(&self.0) = Some(Bytes::copy_from_slice(body));
            *response.body_mut() = SdkBody::from(NO_FINDINGS);
        }
        Ok(())
    }
}
