//! Writes the ids of the task's request on every span that starts in it.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::RequestContext;

/// To be added before the processor that exports.
#[derive(Debug)]
pub(crate) struct ContextProcessor;

impl SpanProcessor for ContextProcessor {
    fn on_start(&self, span: &mut Span, _: &Context) {
        RequestContext::with_current(|context| span.set_attributes(context.attributes()));
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
