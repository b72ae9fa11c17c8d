//! The sampler that the tracer asks: the parent's decision where there is one, else the sampler of roots.
//!
//! It completes `ParentBased` of the SDK by B3's deferred decision, where a caller gives identities and leaves the
//! choice to the one who is called.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

use super::ahead;
use crate::propagation::B3Decision;

/// Decides for each span of this process.
#[derive(Debug, Clone)]
pub(crate) struct RootSampler {
    roots: Box<dyn ShouldSample>,
    follows_parent: bool,
}

impl RootSampler {
    /// Asks the same sampler for each span.
    pub(crate) fn each(sampler: Sampler) -> Self {
        Self {
            roots: Box::new(sampler),
            follows_parent: false,
        }
    }

    /// Asks the sampler for roots and follows the parent otherwise.
    pub(crate) fn parent_based(roots: Box<dyn ShouldSample>) -> Self {
        Self {
            roots,
            follows_parent: true,
        }
    }
}

impl ShouldSample for RootSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if ahead::is_judged(trace_id) {
            return SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: Vec::new(),
                trace_state: parent.map_or(TraceState::NONE, |parent| {
                    parent.span().span_context().trace_state().clone()
                }),
            };
        }
        if self.follows_parent
            && let Some(decision) = parent.and_then(decision_of_parent)
        {
            return decision;
        }
        self.roots
            .should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

fn decision_of_parent(parent: &Context) -> Option<SamplingResult> {
    if !parent.has_active_span() {
        return None;
    }
    let span = parent.span();
    let span_context = span.span_context();
    let is_deferred = span_context.is_remote() && parent.get::<B3Decision>() == Some(&B3Decision::Deferred);
    if !span_context.is_valid() || is_deferred {
        return None;
    }
    let decision = if span_context.is_sampled() {
        SamplingDecision::RecordAndSample
    } else {
        SamplingDecision::Drop
    };
    let trace_state: TraceState = span_context.trace_state().clone();
    Some(SamplingResult {
        decision,
        attributes: Vec::new(),
        trace_state,
    })
}
