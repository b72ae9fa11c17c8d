//! What can be made to go wrong, and which alerts of the pack that makes fire.

use skopos_fleet_frame::{FaultKind, FaultSpec};

use crate::{APP, MODEL, NORTH, PAYMENTS, SOUTH};

pub(crate) const CONTEXT_UNBOUNDED: &str = "arbitrage-context-unbounded";
pub(crate) const RETRIEVAL_SLOW: &str = "arbitrage-retrieval-slow";
pub(crate) const SCANNER_STUCK: &str = "arbitrage-scanner-stuck";
pub(crate) const ARENA_BROKEN: &str = "arbitrage-arena-broken";
pub(crate) const API_SLOW: &str = "arbitrage-api-slow";
pub(crate) const JOURNAL_FULL: &str = "arbitrage-journal-full";
pub(crate) const JOURNAL_FLAKY: &str = "arbitrage-journal-flaky";
pub(crate) const MODEL_SLOW: &str = "arbitrage-model-slow";
pub(crate) const MODEL_ERRORS: &str = "arbitrage-model-errors";
pub(crate) const MODEL_THROTTLED: &str = "arbitrage-model-throttled";
pub(crate) const MARKET_ERRORS: &str = "arbitrage-market-errors";
pub(crate) const MARKET_SLOW: &str = "arbitrage-market-slow";
pub(crate) const RIVAL: &str = "arbitrage-rival";
pub(crate) const WEBHOOK_KEY: &str = "arbitrage-webhook-key";
pub(crate) const SETTLEMENT_SLOW: &str = "arbitrage-settlement-slow";

/// A fault that the service carries out itself.
const fn switch(
    name: &'static str,
    service: &'static str,
    alerts: &'static [&'static str],
    about: &'static str,
) -> FaultSpec {
    FaultSpec {
        name,
        service,
        kind: FaultKind::Switch,
        about,
        alerts,
    }
}

/// All of the system's.
pub(crate) const FAULTS: &[FaultSpec] = &[
    switch(
        MODEL_ERRORS,
        MODEL,
        &["LLMErrors", "HighTaskFailureRate"],
        "every fifth model call ends in an error of the model service",
    ),
    switch(
        MARKET_ERRORS,
        NORTH,
        &["MarketplaceScanFailures", "CriticalTaskFailureRate"],
        "marketplace-north answers scans with 500: tasks that need its prices fail",
    ),
    switch(MODEL_SLOW, MODEL, &["SlowLLMCalls"], "each model call takes 11 to 13 s"),
    switch(
        CONTEXT_UNBOUNDED,
        APP,
        &["HighLLMTokenUsage"],
        "the agents' transcript is no longer cut: each prompt holds all earlier ones, up to the model's window",
    ),
    switch(
        RETRIEVAL_SLOW,
        APP,
        &["SlowRAGQueries"],
        "passages are read from a store that takes 0.5 s for each of them",
    ),
    switch(
        SCANNER_STUCK,
        APP,
        &["MarketplaceScansStopped"],
        "the turns of all scans are taken and not given back: no marketplace is scanned",
    ),
    switch(
        MARKET_SLOW,
        SOUTH,
        &["SlowMarketplaceScans"],
        "marketplace-south takes 3 s for each of the pages of a scan",
    ),
    switch(
        RIVAL,
        SOUTH,
        &["HighBidRejectionRate"],
        "a rival at marketplace-south takes each listing when a bid for it arrives",
    ),
    switch(
        ARENA_BROKEN,
        APP,
        &["ArenaCompetitionFailures"],
        "a strategy of the arena divides by a span of no days: its score is no number and the judge refuses to rank",
    ),
    switch(
        WEBHOOK_KEY,
        PAYMENTS,
        &["PaymentFailures"],
        "the provider signs with a key that nobody else has: its messages are refused and payments stay unconfirmed",
    ),
    switch(
        SETTLEMENT_SLOW,
        PAYMENTS,
        &["SlowPayments"],
        "a payment settles after 6 to 7.5 s",
    ),
    switch(
        API_SLOW,
        APP,
        &["HighHTTPLatency"],
        "every request to the API waits 0.6 to 0.9 s for the store of tasks",
    ),
    switch(
        JOURNAL_FULL,
        APP,
        &["ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"],
        "the quota of the task journal is used up: tasks cannot be taken on and end in 5xx",
    ),
    switch(
        JOURNAL_FLAKY,
        APP,
        &["ErrorBudgetBurnSlow"],
        "every twelfth write to the task journal fails: some tasks cannot be taken on",
    ),
    switch(
        MODEL_THROTTLED,
        MODEL,
        &["SlowTaskExecution"],
        "the model service lets each call wait 35 s before it is asked again: tasks wait with it",
    ),
    FaultSpec {
        name: "arbitrage-down",
        service: APP,
        kind: FaultKind::Stop,
        about: "the arbitrage process is killed",
        alerts: &["ServiceDown"],
    },
];
