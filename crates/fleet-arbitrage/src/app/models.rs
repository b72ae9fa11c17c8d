//! Calls of the models: the prompt with what was retrieved and said before, attempts, tokens and cost.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use skopos_fleet_frame::{Fault, Faults};
use skopos_sdk::tasks::{Usage, trace_llm_call};

use crate::failure::Failure;
use crate::faults::CONTEXT_UNBOUNDED;
use crate::model::{ChatRequest, ChatResponse, Message, Model, Role};
use crate::peer::Peer;

const PATH: &str = "/v1/chat/completions";
/// Provider in the GenAI attributes: the model service is the system's own.
const PROVIDER: &str = "arbiter";
/// Attempts of a call that is told to wait, and the longest wait that is accepted.
const ATTEMPTS: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Exchanges that a prompt repeats, and the bytes of each.
const REPEATED: usize = 2;
const REPEATED_BYTES: usize = 500;
/// Bytes that the models take at once: about 128 000 tokens.
const WINDOW_BYTES: usize = 640 * 1024;

/// The models, and what was said to them last.
pub(super) struct Models {
    service: Peer,
    transcript: Mutex<VecDeque<String>>,
    unbounded: Fault,
}

impl Models {
    pub(super) fn new(service: Peer, faults: &Faults) -> Self {
        Self {
            service,
            transcript: Mutex::default(),
            unbounded: faults.get(CONTEXT_UNBOUNDED),
        }
    }

    /// Asks a model a question about the context.
    pub(super) async fn ask(&self, model: Model, question: &str, context: &[String]) -> Result<String, Failure> {
        let transcript: Vec<String> = self.transcript().iter().cloned().collect();
        let request = ChatRequest {
            model: model.name.to_owned(),
            messages: prompt(question, context, &transcript),
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        let mut attempt = 1;
        let response = loop {
            match self.call(model, &request).await {
                Err(error) if attempt < ATTEMPTS && error.status == Some(StatusCode::TOO_MANY_REQUESTS) => {
                    let wait = error.retry_after.unwrap_or_default().min(LONGEST_WAIT);
                    tracing::info!(wait_seconds = wait.as_secs(), attempt, "the model service asks to wait");
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
                result => break result?,
            }
        };
        let answer = response.choices.into_iter().next().map(|choice| choice.message.content);
        let answer = answer.ok_or_else(|| Failure::new("empty", "the model gave no answer"))?;
        self.remember(question, &answer, &transcript);
        Ok(answer)
    }

    async fn call(&self, model: Model, request: &ChatRequest) -> Result<ChatResponse, Failure> {
        let call = trace_llm_call(model.name, &self.service.url(PATH)).provider(PROVIDER);
        call.run(async {
            let response: ChatResponse = self.service.post(PATH, request).await?;
            call.usage(Usage {
                input_tokens: response.usage.prompt_tokens,
                output_tokens: response.usage.completion_tokens,
                ..Usage::default()
            });
            call.cost_usd(model.cost_usd(response.usage));
            let reasons: Vec<&str> = response
                .choices
                .iter()
                .map(|choice| choice.finish_reason.as_str())
                .collect();
            call.response(&response.model, &response.id, &reasons);
            Ok(response)
        })
        .await
    }

    /// Keeps the exchange for the next prompts: shortened, and only the last ones. The fault keeps whole prompts instead,
    /// each of which holds those before it, until the window is full.
    fn remember(&self, question: &str, answer: &str, said: &[String]) {
        let mut exchange = format!("{question}\n{answer}");
        let mut transcript = self.transcript();
        if self.unbounded.is_on() {
            let total: usize = transcript.iter().map(String::len).sum();
            let whole = said.join("\n");
            if total + whole.len() + exchange.len() <= WINDOW_BYTES {
                transcript.push_back(format!("{whole}\n{exchange}"));
            }
            return;
        }
        exchange.truncate(exchange.floor_char_boundary(REPEATED_BYTES));
        transcript.retain(|known| known.len() <= REPEATED_BYTES);
        transcript.push_back(exchange);
        while transcript.len() > REPEATED {
            transcript.pop_front();
        }
    }

    fn transcript(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prompt(question: &str, context: &[String], transcript: &[String]) -> Vec<Message> {
    let message = |role, content: &str| Message {
        role,
        content: content.to_owned(),
    };
    let said = transcript.iter().map(|text| message(Role::Assistant, text));
    let mut messages = vec![message(Role::System, &context.join("\n"))];
    messages.extend(said);
    messages.push(message(Role::User, question));
    messages
}
