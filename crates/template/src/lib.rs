//! Templates in the language of Go's `text/template`. Knows the language and its built-in
//! functions; everything else (Prometheus' or Alertmanager's functions and data) is given by the
//! caller through [`Functions`] and [`Value`].
//!
//! ```text
//!   text ─▶ lex ─▶ parse ─▶ Template ─▶ exec(data, functions) ─▶ text
//!                              ▲                   │
//!                        {{ define }}        builtin, format, compare; html escapes
//! ```
//!
//! Bounds: nesting of the syntax, depth of `template` calls, loop turns and output are limited
//! ([`Limits`]), so that a template from outside cannot hold a thread or the memory.

mod ast;
mod builtin;
mod compare;
mod exec;
mod format;
mod html;
pub mod humanize;
mod lex;
mod number;
mod parse;
mod time;
mod value;

pub use builtin::query_escape;
pub use exec::Limits;
pub use format::{quote, sprintf};
pub use number::format_float;
pub use time::{TimeValue, format_duration};
pub use value::{Map, Object, Safe, SafePlace, Value};

use std::collections::BTreeMap;
use std::sync::Arc;

use exec::Output;

/// A template that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The template's name.
    pub name: String,
    /// Line in the template, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A template that failed while it ran.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}:{column}: executing {executing:?} at <{at}>: {message}")]
pub struct ExecError {
    /// The name of the text that the template comes from.
    pub name: String,
    /// The template that was running: the text's own, or one defined in it.
    pub executing: String,
    /// Line in the template, from 1.
    pub line: usize,
    /// Byte in the line, from 0.
    pub column: usize,
    /// The piece of the template that failed.
    pub at: String,
    /// What is wrong.
    pub message: String,
}

/// The functions that a template may call beside the built-in ones.
pub trait Functions {
    /// Whether there is a function of this name; asked when a template is parsed.
    fn contains(&self, name: &str) -> bool;

    /// Calls a function. The error is shown as `error calling NAME: ERROR`.
    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String>;
}

/// No functions beside the built-in ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn contains(&self, _name: &str) -> bool {
        false
    }

    fn call(&self, name: &str, _arguments: &[Value]) -> Result<Value, String> {
        Err(format!("function {name:?} not defined"))
    }
}

/// A parsed template with the templates that it and its neighbours define.
#[derive(Debug, Clone, Default)]
pub struct Template {
    name: String,
    definitions: BTreeMap<String, Arc<ast::Definition>>,
}

impl Template {
    /// Parses `text` as the template `name`.
    pub fn parse(name: &str, text: &str, functions: &dyn Functions) -> Result<Self, ParseError> {
        let mut template = Self {
            name: name.to_owned(),
            definitions: BTreeMap::new(),
        };
        template.add(name, text, functions)?;
        Ok(template)
    }

    /// Parses one more text: what it defines replaces what has the same name.
    pub fn add(&mut self, name: &str, text: &str, functions: &dyn Functions) -> Result<(), ParseError> {
        for (defined, definition) in parse::parse(name, text, functions)? {
            let keeps_older = definition.is_blank() && self.definitions.contains_key(&defined);
            if !keeps_older {
                self.definitions.insert(defined, Arc::new(definition));
            }
        }
        Ok(())
    }

    /// Whether a template of this name is defined.
    pub fn contains(&self, name: &str) -> bool {
        self.definitions.contains_key(name)
    }

    /// Runs the template it was parsed as.
    pub fn execute(&self, data: &Value, functions: &dyn Functions, limits: &Limits) -> Result<String, ExecError> {
        self.execute_named(&self.name, data, functions, limits)
    }

    /// Runs one of the defined templates.
    pub fn execute_named(
        &self,
        name: &str,
        data: &Value,
        functions: &dyn Functions,
        limits: &Limits,
    ) -> Result<String, ExecError> {
        exec::execute(&self.definitions, name, data, functions, limits, Output::Text)
    }

    /// Runs the template it was parsed as and prints HTML: comments are left out and values are
    /// escaped as their place asks for, as `html/template` does.
    pub fn execute_html(&self, data: &Value, functions: &dyn Functions, limits: &Limits) -> Result<String, ExecError> {
        exec::execute(&self.definitions, &self.name, data, functions, limits, Output::Html)
    }

    /// Parses one more text and makes it the one that runs.
    pub fn with_main(mut self, name: &str, text: &str, functions: &dyn Functions) -> Result<Self, ParseError> {
        self.add(name, text, functions)?;
        name.clone_into(&mut self.name);
        Ok(self)
    }

    /// The names of the defined templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
