//! One turn of a conversation: from the message to the reply, with a tool call between them where one is needed.

use skopos_bus::{Delivery, Event, HandleError, Producer};
use skopos_sdk::log;

use super::budget::{BudgetKeeper, Exceeded};
use super::intent::Classifier;
use super::metrics::WorkerMetrics;
use super::slm::LanguageModel;
use super::tool_call::{ToolCall, tool_call};
use crate::canvas::Block;
use crate::delegation::Delegate;
use crate::neighbours::Neighbours;
use crate::router::{Effort, Question};
use crate::topics::{self, Message, Reply, ReplyStatus, ToolOutcome, ToolRequest, ToolResult};

/// Characters from which on a question is handed to sub-agents.
const DELEGATED_CHARS: usize = 45;

/// What a worker works with.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) classifier: Classifier,
    pub(super) budget: BudgetKeeper,
    pub(super) model: LanguageModel,
    pub(super) producer: Producer,
    pub(super) neighbours: Neighbours,
    pub(super) metrics: WorkerMetrics,
}

/// A message on its way to a reply.
struct Turn {
    message: Message,
    intent: String,
    started_ms: i64,
    effort: Effort,
}

impl Worker {
    /// Handles a message from the gateway.
    pub(super) async fn message(&self, delivery: Delivery) -> Result<(), HandleError> {
        if delivery.retry == 0 {
            self.metrics.taken();
        }
        let message: Message = topics::decode(delivery.event.data)?;
        let intent = self.classifier.classify(&message.text);
        self.metrics.classified(intent.name);
        log::info!(
            session_id = message.session_id,
            message_id = message.message_id,
            tenant = message.tenant,
            intent = intent.name,
            confidence = intent.confidence,
            "message classified"
        );
        let mut turn = Turn {
            intent: intent.name.to_owned(),
            message,
            started_ms: topics::now_ms(),
            effort: Effort::Full,
        };
        let (tenant, persona) = (&turn.message.tenant, &turn.message.persona_id);
        if let Err(exceeded) = self.budget.check(tenant, persona, turn.started_ms) {
            return self.refuse(&turn, exceeded).await;
        }
        let call = tool_call(&turn.intent, &turn.message.text);
        turn.effort = self.effort(&turn, call.is_some()).await;
        if let Some(call) = call {
            return self.ask_tool(turn, call).await;
        }
        self.delegate(&turn).await;
        let text = self.complete(&turn, &turn.message.text).await;
        self.reply(&turn, ReplyStatus::Answered, None, text).await
    }

    /// How much the model may do; all it can where the router is away.
    async fn effort(&self, turn: &Turn, needs_tool: bool) -> Effort {
        let question = Question {
            tenant: turn.message.tenant.clone(),
            intent: turn.intent.clone(),
            chars: turn.message.text.chars().count(),
            needs_tool,
        };
        self.neighbours
            .route(&question)
            .await
            .map_or(Effort::Full, |route| route.effort)
    }

    /// Lets sub-agents look into a long question; what they find goes on the canvas.
    async fn delegate(&self, turn: &Turn) {
        if turn.intent != "question" || turn.message.text.chars().count() < DELEGATED_CHARS {
            return;
        }
        let request = Delegate {
            session_id: turn.message.session_id.clone(),
            tenant: turn.message.tenant.clone(),
            text: turn.message.text.clone(),
        };
        let found = self.neighbours.delegate(&request).await;
        for finding in found.into_iter().flat_map(|found| found.findings) {
            self.draw(turn, "finding", finding).await;
        }
    }

    async fn draw(&self, turn: &Turn, kind: &str, body: String) {
        let block = Block {
            kind: kind.to_owned(),
            body,
        };
        self.neighbours.draw(&turn.message.session_id, &block).await;
    }

    /// Finishes the reply that waited for a tool.
    pub(super) async fn tool_result(&self, delivery: Delivery) -> Result<(), HandleError> {
        let ToolResult { request, outcome } = topics::decode(delivery.event.data)?;
        let turn = Turn {
            message: request.message,
            intent: request.intent,
            started_ms: request.started_ms,
            effort: request.effort,
        };
        let (status, finding) = match outcome {
            ToolOutcome::Success { output } => (ReplyStatus::Answered, output),
            ToolOutcome::Blocked { rule } => (ReplyStatus::ToolBlocked, format!("That is not allowed: {rule}.")),
            ToolOutcome::Failed { error_type, reason } => {
                if delivery.retry == 0 {
                    self.metrics.failed("tool_failed");
                }
                log::warn!(
                    session_id = turn.message.session_id,
                    tool = request.tool,
                    error_type,
                    reason,
                    "turn ends with a failed tool"
                );
                (ReplyStatus::ToolFailed, format!("That did not work: {reason}."))
            }
        };
        if status == ReplyStatus::Answered {
            self.draw(&turn, &request.tool, finding.clone()).await;
        }
        let comment = self.complete(&turn, &turn.message.text).await;
        let text = format!("{finding}\n{comment}");
        self.reply(&turn, status, Some(request.tool), text).await
    }

    async fn ask_tool(&self, turn: Turn, call: ToolCall) -> Result<(), HandleError> {
        log::info!(session_id = turn.message.session_id, tool = call.tool, "tool asked");
        let key = turn.message.session_id.clone();
        let request = ToolRequest {
            tool: call.tool,
            input: call.input,
            intent: turn.intent,
            message: turn.message,
            started_ms: turn.started_ms,
            effort: turn.effort,
        };
        let event = Event::new(topics::TOOL_REQUEST_EVENT, topics::encode(&request));
        self.publish(topics::TOOL_REQUESTS, &key, event).await
    }

    async fn refuse(&self, turn: &Turn, exceeded: Exceeded) -> Result<(), HandleError> {
        let (tenant, persona) = (&turn.message.tenant, &turn.message.persona_id);
        self.metrics.refused(tenant, persona);
        self.metrics.failed("budget_exceeded");
        log::warn!(
            tenant,
            persona_id = persona,
            limit = exceeded.limit,
            spent = exceeded.spent,
            retry_after_seconds = exceeded.retry_after_seconds,
            "token budget is used up"
        );
        let text = format!(
            "The token budget of {tenant} for {persona} is used up ({} of {}). Try again in {} s, or ask for a larger one.",
            exceeded.spent, exceeded.limit, exceeded.retry_after_seconds
        );
        self.reply(turn, ReplyStatus::BudgetExceeded, None, text).await
    }

    async fn complete(&self, turn: &Turn, prompt: &str) -> String {
        let completion = self.model.complete(&turn.message.message_id, prompt, turn.effort).await;
        let tokens = completion.input_tokens + completion.output_tokens;
        let (tenant, persona) = (&turn.message.tenant, &turn.message.persona_id);
        self.budget.spend(tenant, persona, tokens, topics::now_ms());
        self.metrics.spent(tenant, persona, tokens);
        completion.text
    }

    async fn reply(
        &self,
        turn: &Turn,
        status: ReplyStatus,
        tool: Option<String>,
        text: String,
    ) -> Result<(), HandleError> {
        let reply = Reply {
            in_reply_to: turn.message.message_id.clone(),
            session_id: turn.message.session_id.clone(),
            status,
            intent: turn.intent.clone(),
            text,
            tool,
        };
        let event = Event::new(topics::REPLY_EVENT, topics::encode(&reply));
        self.publish(topics::OUTBOUND, &reply.session_id, event).await?;
        let seconds = (topics::now_ms() - turn.started_ms).max(0) as f64 / 1000.0;
        self.metrics.replied(seconds);
        log::info!(
            session_id = reply.session_id,
            message_id = reply.in_reply_to,
            status = ?status,
            duration_seconds = seconds,
            "reply sent"
        );
        Ok(())
    }

    async fn publish(&self, topic: &str, key: &str, event: Event) -> Result<(), HandleError> {
        let sent = self.producer.publish(topic, key, event).await;
        sent.map(|_| ())
            .map_err(|error| HandleError::transient("publish", error.to_string()))
    }
}
