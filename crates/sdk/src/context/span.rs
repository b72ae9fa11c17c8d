//! Writes the ids of the task's request on every span that starts in it.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::RequestContext;
use crate::export::pass_on;

/// Wraps the processor that exports. Not a second one beside it: a provider with two copies each span that ends.
#[derive(Debug)]
pub(crate) struct ContextProcessor<P>(pub(crate) P);

impl<P: SpanProcessor> SpanProcessor for ContextProcessor<P> {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        RequestContext::with_current(|context| span.set_attributes(context.attributes()));
        self.0.on_start(span, parent);
    }

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    pass_on!(0, force_flush);
}

/// Where spans end that no back end wants.
#[derive(Debug)]
pub(crate) struct Discard;

impl SpanProcessor for Discard {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
