//! What the agents do for each kind of task.

use serde_json::{Value, json};

use super::Agents;
use super::markets::{Chance, Outcome};
use super::task::{TaskKind, TaskRequest};
use crate::failure::Failure;
use crate::model::{LARGE, SMALL};

/// Passages that are retrieved for a rule, and for a question.
const RULE_PASSAGES: usize = 3;
const RESEARCH_PASSAGES: usize = 5;
/// What is asked where a research brings no question.
const DEFAULT_QUESTION: &str = "When is a price difference worth a trade?";
/// Words of a rule that forbids a trade.
const FORBIDDEN: &str = "may not be resold";
/// Chances that a trade looks at.
const LOOKED_AT: usize = 3;

/// Runs a task and gives its result.
pub(super) async fn run(agents: &Agents, request: &TaskRequest) -> Result<Value, Failure> {
    match request.kind {
        TaskKind::PriceWatch => price_watch(agents).await,
        TaskKind::Trade => trade(agents).await,
        TaskKind::Research => research(agents, &request.input).await,
        TaskKind::Arena => arena(agents, &request.input),
    }
}

/// The question after the rules of a good.
pub(super) fn rule_question(good: &str) -> String {
    format!("May {good} be resold, and how does its price move?")
}

async fn price_watch(agents: &Agents) -> Result<Value, Failure> {
    let snapshots = agents.markets.scan().await?;
    let chances = agents.markets.chances(&snapshots);
    let Some(best) = chances.first() else {
        return Ok(json!({ "chances": 0 }));
    };
    let rule = rule(agents, best).await?;
    Ok(json!({ "chances": chances.len(), "best": best, "rule": rule }))
}

async fn rule(agents: &Agents, chance: &Chance) -> Result<String, Failure> {
    let question = rule_question(&chance.good);
    let passages = agents.knowledge.retrieve(&question, RULE_PASSAGES).await?;
    agents.models.ask(SMALL, &question, &passages).await
}

/// Buys the best lot that the rules allow, pays for it, and sells it where it is dear.
async fn trade(agents: &Agents) -> Result<Value, Failure> {
    let snapshots = agents.markets.scan().await?;
    for chance in agents.markets.chances(&snapshots).iter().take(LOOKED_AT) {
        if rule(agents, chance).await?.contains(FORBIDDEN) {
            continue;
        }
        let order = match agents.markets.bid(chance).await? {
            Outcome::Accepted(order) => order,
            Outcome::Rejected(reason) => return Ok(json!({ "traded": false, "chance": chance, "reason": reason })),
        };
        let payment_id = agents.payments.pay(order.price_cents).await?;
        let sold_cents = agents.markets.sell(chance).await?;
        return Ok(json!({
            "traded": true,
            "chance": chance,
            "order_id": order.order_id,
            "payment_id": payment_id,
            "sold_cents": sold_cents,
        }));
    }
    Ok(json!({ "traded": false, "reason": "nothing is worth a trade, or may be traded" }))
}

async fn research(agents: &Agents, question: &str) -> Result<Value, Failure> {
    let question = if question.trim().is_empty() {
        DEFAULT_QUESTION
    } else {
        question
    };
    let passages = agents.knowledge.retrieve(question, RESEARCH_PASSAGES).await?;
    let answer = agents.models.ask(LARGE, question, &passages).await?;
    Ok(json!({ "answer": answer, "passages": passages.len() }))
}

fn arena(agents: &Agents, seed: &str) -> Result<Value, Failure> {
    let unreadable = |_| Failure::new("bad_input", "the input of an arena task is its seed, a whole number");
    let seed = if seed.trim().is_empty() {
        0
    } else {
        seed.trim().parse().map_err(unreadable)?
    };
    let ranking = agents.arena.compete(&format!("arena-{seed}"), seed)?;
    Ok(json!({ "ranking": ranking }))
}
