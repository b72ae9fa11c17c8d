//! LogQL: parser, printer and engine over any [`skopos_core::log::LogSource`].
//!
//! ```text
//!   text ──lexer──▶ tokens ──parser──▶ ast::Expr ──pipeline::compile──▶ Pipeline
//!                                        │                               │ one line at a time
//!                              printer ◀─┘        LogSource::scan ──▶ engine ──▶ output
//! ```
//!
//! The language and its semantics are Loki 3's. The crate knows neither HTTP nor where lines lie,
//! and is synchronous: the caller gives it a thread and a [`skopos_core::QueryBudget`].

pub mod ast;
pub mod bytesize;
pub mod duration;
pub mod engine;
pub mod error;
mod gofmt;
mod ip;
pub mod labels;
mod lexer;
pub mod output;
mod parser;
pub mod pattern;
pub mod pipeline;
mod prettify;
mod printer;

pub use engine::{Engine, EngineOptions, InstantQuery, RangeQuery};
pub use error::{EvalError, ParseError};
pub use labels::LabelSet;
pub use lexer::token_names;
pub use output::{LogQueryOutput, QueryStats, QueryValue};
pub use parser::{parse, parse_log, parse_matchers};
pub use prettify::{DEFAULT_MAX_LINE, prettify};
