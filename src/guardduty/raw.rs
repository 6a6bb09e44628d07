//! The answer of a call as AWS sent it.
//!
//! The SDK's `Finding` drops members newer than the SDK and cannot be written out again, so the JSON
//! is taken from the response itself.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;

/// Keeps the body of the last successful response of the call it is attached to.
#[derive(Debug, Clone, Default)]
pub(super) struct RawBody(Arc<Mutex<Option<Bytes>>>);

impl RawBody {
    /// The body, once the call has ended.
    pub(super) fn take(&self) -> Option<Bytes> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success() {
            let body = response.body().bytes().map(Bytes::copy_from_slice);
            *self
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = body;
        }
        Ok(())
    }
}
