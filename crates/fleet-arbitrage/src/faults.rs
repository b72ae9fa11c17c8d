//! What can be made to go wrong, and which alerts of the pack that makes fire.

use skopos_fleet_frame::FaultSpec;

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
pub(crate) const CERTIFICATE_EXPIRED: &str = "arbitrage-certificate-expired";
pub(crate) const SETTLEMENT_SLOW: &str = "arbitrage-settlement-slow";

/// All of the system's.
pub(crate) const FAULTS: &[FaultSpec] = &[
    FaultSpec::switch(
        MODEL_ERRORS,
        MODEL,
        "every fifth model call ends in an error of the model service",
        &["LLMErrors", "HighTaskFailureRate"],
    ),
    FaultSpec::switch(
        MARKET_ERRORS,
        NORTH,
        "marketplace-north answers scans with 500: tasks that need its prices fail",
        &["MarketplaceScanFailures", "CriticalTaskFailureRate"],
    ),
    FaultSpec::switch(MODEL_SLOW, MODEL, "each model call takes 11 to 13 s", &["SlowLLMCalls"]),
    FaultSpec::switch(
        CONTEXT_UNBOUNDED,
        APP,
        "the agents' transcript is no longer cut: each prompt holds all earlier ones, up to the model's window",
        &["HighLLMTokenUsage"],
    ),
    FaultSpec::switch(
        RETRIEVAL_SLOW,
        APP,
        "passages are read from a store that takes 0.5 s for each of them",
        &["SlowRAGQueries"],
    ),
    FaultSpec::switch(
        SCANNER_STUCK,
        APP,
        "the turns of all scans are taken and not given back: no marketplace is scanned",
        &["MarketplaceScansStopped"],
    ),
    FaultSpec::switch(
        MARKET_SLOW,
        SOUTH,
        "marketplace-south takes 3 s for each of the pages of a scan",
        &["SlowMarketplaceScans"],
    ),
    FaultSpec::switch(
        RIVAL,
        SOUTH,
        "a rival at marketplace-south takes each listing when a bid for it arrives",
        &["HighBidRejectionRate"],
    ),
    FaultSpec::switch(
        ARENA_BROKEN,
        APP,
        "a strategy of the arena divides by a span of no days: its score is no number and the judge refuses to rank",
        &["ArenaCompetitionFailures"],
    ),
    FaultSpec::switch(
        WEBHOOK_KEY,
        PAYMENTS,
        "the provider signs with a key that nobody else has: its messages are refused and payments stay unconfirmed",
        &["PaymentFailures"],
    ),
    FaultSpec::switch(
        CERTIFICATE_EXPIRED,
        PAYMENTS,
        "the provider presents a certificate that has expired: no handshake succeeds and no payment is asked for",
        &["CertificateExpired", "CertificateExpiresSoon", "PaymentFailures"],
    ),
    FaultSpec::switch(
        SETTLEMENT_SLOW,
        PAYMENTS,
        "a payment settles after 6 to 7.5 s",
        &["SlowPayments"],
    ),
    FaultSpec::switch(
        API_SLOW,
        APP,
        "every request to the API waits 0.6 to 0.9 s for the store of tasks",
        &["HighHTTPLatency"],
    ),
    FaultSpec::switch(
        JOURNAL_FULL,
        APP,
        "the quota of the task journal is used up: tasks cannot be taken on and end in 5xx",
        &["ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"],
    ),
    FaultSpec::switch(
        JOURNAL_FLAKY,
        APP,
        "every twelfth write to the task journal fails: some tasks cannot be taken on",
        &["ErrorBudgetBurnSlow"],
    ),
    FaultSpec::switch(
        MODEL_THROTTLED,
        MODEL,
        "the model service lets each call wait 35 s before it is asked again: tasks wait with it",
        &["SlowTaskExecution"],
    ),
    FaultSpec::stop(
        "arbitrage-down",
        APP,
        "the arbitrage process is killed",
        &["ServiceDown"],
    ),
];
