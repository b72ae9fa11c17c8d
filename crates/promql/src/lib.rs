//! `PromQL` of Prometheus 3: parser, printer and engine.
//!
//! ```text
//!   text ──▶ lexer ──▶ parser ──▶ Expr ──▶ printer
//!                                   │
//!   MetricSource ──▶ selectors ──▶ engine (columns over a grid of steps) ──▶ QueryOutput
//! ```
//!
//! Synchronous and free of I/O: samples come through [`skopos_core::metric::MetricSource`], results
//! leave as plain values that a door encodes.

mod annotation;
pub mod ast;
pub mod duration;
mod engine;
mod eval;
mod eval_error;
mod functions;
mod histogram;
mod lexer;
pub mod notation;
pub mod number;
mod parse_error;
mod parser;
mod plan;
mod position;
mod printer;
pub mod quote;
mod signature;
mod token;
mod trace;
mod value;

pub use ast::{Expr, ValueType, extract_selectors, metric_names};
pub use engine::{DEFAULT_LOOKBACK_MS, Engine, EngineOptions, MAX_STEPS, STACK_BYTES};
pub use eval_error::EvalError;
pub use histogram::{IncompatibleSchemas, add_histograms, detect_reset, subtract_histograms};
pub use parse_error::{Fault, ParseError};
pub use parser::{Feature, ParseOptions, parse, parse_metric_selector, parse_with};
pub use plan::{PlanNode, PlannedRead, QueryPlan};
pub use position::PosRange;
pub use signature::{FUNCTIONS, Function, Variadic};
pub use value::{QueryOutput, QueryStats, Value, VectorSample};
