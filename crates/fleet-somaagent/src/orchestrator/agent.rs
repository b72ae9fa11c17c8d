//! Agents: one is spawned for each attempt at a task. It asks the policy, has the model answer, and faces the gates.

use std::borrow::Cow;

use skopos_sdk::log::{self, chain};
use skopos_sdk::tasks::{ErrorType, Usage, trace_llm_call, trace_task_execution};

use super::gates::{Gate, Work};
use super::graph::Task;
use super::metrics::OrchestratorMetrics;
use crate::peer::{CallError, Peer};
use crate::policy::{Answer, Question};
use crate::slm::{Completion, Embeddings, INFER_MODEL, Inputs, Prompt};

/// Agents that try one task, one after the other.
const ATTEMPTS: usize = 3;
/// Sentences that the first of them asks for; each next one asks for one more.
const SENTENCES: usize = 2;

/// Where agents go.
#[derive(Debug)]
pub(super) struct Agents {
    pub(super) policy: Peer,
    pub(super) slm: Peer,
    pub(super) metrics: OrchestratorMetrics,
}

/// Why a task was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    #[error("the policy does not allow it: {0}")]
    Denied(String),
    #[error("the gate {gate} refuses the answer: {finding}")]
    Gate { gate: &'static str, finding: String },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the agent of a task broke off: {0}")]
    BrokeOff(String),
}

impl AgentError {
    /// How a workflow ends that fails because of it.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Denied(_) => "policy_denied",
            Self::Gate { .. } => "gate_failed",
            Self::Call(_) | Self::BrokeOff(_) => "agent_failed",
        }
    }

    /// Whether another agent may fare better.
    fn is_final(&self) -> bool {
        matches!(self, Self::Denied(_))
    }
}

impl ErrorType for AgentError {
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Denied(_) | Self::Gate { .. } | Self::BrokeOff(_) => self.outcome().into(),
            Self::Call(error) => error.error_type(),
        }
    }
}

/// What an agent works on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assignment<'a> {
    pub(super) project_id: &'a str,
    pub(super) tenant: &'a str,
    pub(super) workflow: &'static str,
    pub(super) task: &'a Task,
    /// What the tasks before brought.
    pub(super) known: &'a [String],
}

impl Agents {
    /// Lets agents try until one's answer passes the gates; its sentences.
    pub(super) async fn accomplish(&self, work: Assignment<'_>) -> Result<Vec<String>, AgentError> {
        let mut attempt = 1;
        loop {
            let id = format!("{}/{}/{attempt}", work.project_id, work.task.name);
            let operation = trace_task_execution(&id, work.task.stage);
            self.metrics.spawned(work.workflow, work.task.stage);
            let result = operation.run(self.attempt(work, attempt)).await;
            let Err(error) = result else { return result };
            self.metrics.attempt_failed(work.workflow, error.outcome());
            let (task, workflow) = (work.task.name.as_str(), work.workflow);
            log::info!(workflow, task, attempt, error = chain(&error), "an agent failed");
            if attempt == ATTEMPTS || error.is_final() {
                return Err(error);
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, work: Assignment<'_>, attempt: usize) -> Result<Vec<String>, AgentError> {
        self.permit(work).await?;
        let prompt = Prompt {
            text: work.task.goal.clone(),
            sentences: SENTENCES + attempt - 1,
            // The first agent does not look at what is there; the next ones are told.
            avoid: if attempt == 1 { Vec::new() } else { work.known.to_vec() },
        };
        let sentences = self.infer(&prompt).await?;
        let inputs = Inputs {
            input: vec![prompt.text, sentences.join(" ")],
        };
        let embedded: Embeddings = self.slm.post("/v1/embeddings", &inputs).await?;
        let [goal, answer] = embedded.embeddings.as_slice() else {
            return Err(AgentError::Call(CallError::Unreadable {
                peer: crate::SLM,
                reason: format!("{} embeddings for two texts", embedded.embeddings.len()),
            }));
        };
        self.judge(
            work.workflow,
            &Work {
                sentences: &sentences,
                known: work.known,
                goal,
                answer,
            },
        )?;
        Ok(sentences)
    }

    async fn permit(&self, work: Assignment<'_>) -> Result<(), AgentError> {
        let question = Question {
            role: "agent".to_owned(),
            tenant: work.tenant.to_owned(),
            action: "agent.run".to_owned(),
            stage: Some(work.task.stage.to_owned()),
            ..Question::default()
        };
        let answer: Answer = self.policy.post("/v1/evaluate", &question).await?;
        if answer.allow {
            Ok(())
        } else {
            Err(AgentError::Denied(answer.reasons.join("; ")))
        }
    }

    async fn infer(&self, prompt: &Prompt) -> Result<Vec<String>, CallError> {
        let call = trace_llm_call(INFER_MODEL, "/v1/infer/sync")
            .operation_name("text_completion")
            .provider(crate::SLM);
        let completion: Completion = call.run(self.slm.post("/v1/infer/sync", prompt)).await?;
        call.usage(Usage {
            input_tokens: completion.input_tokens,
            output_tokens: completion.output_tokens,
            ..Usage::default()
        });
        Ok(completion.sentences)
    }

    /// All gates are asked and counted; the first that refuses decides.
    fn judge(&self, workflow: &'static str, work: &Work<'_>) -> Result<(), AgentError> {
        let mut refusal = None;
        for gate in Gate::ALL {
            let verdict = work.passes(gate);
            self.metrics.gate(workflow, gate, verdict.is_ok());
            if let Err(finding) = verdict {
                refusal.get_or_insert(AgentError::Gate {
                    gate: gate.name(),
                    finding,
                });
            }
        }
        refusal.map_or(Ok(()), Err)
    }
}
