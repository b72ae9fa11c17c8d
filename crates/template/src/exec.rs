//! Runs a parsed template (`text/template/exec.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{Branch, Command, Definition, Node, Operand, OperandKind, Pipe, Place};
use crate::html::HtmlContext;
use crate::time::duration_member;
use crate::value::Value;
use crate::{ExecError, Functions, builtin};

/// What a run may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest output in bytes.
    pub output_bytes: usize,
    /// Most turns of all loops together.
    pub loop_turns: usize,
    /// Deepest nesting of `template` calls.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            output_bytes: 1024 * 1024,
            loop_turns: 100_000,
            depth: 64,
        }
    }
}

/// What happens after a node.
enum Flow {
    Next,
    Break,
    Continue,
}

type Definitions = BTreeMap<String, Arc<Definition>>;

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Text,
    /// HTML: values are escaped as their place asks for.
    Html,
}

pub(crate) fn execute(
    definitions: &Definitions,
    name: &str,
    data: &Value,
    functions: &dyn Functions,
    limits: &Limits,
    output: Output,
) -> Result<String, ExecError> {
    let mut state = State {
        definitions,
        functions,
        limits,
        name: name.to_owned(),
        executing: name.to_owned(),
        html: (output == Output::Html).then(HtmlContext::default),
        variables: vec![("$".to_owned(), data.clone())],
        out: String::new(),
        turns: 0,
        depth: 0,
    };
    let Some(definition) = definitions.get(name) else {
        let nowhere = Place {
            line: 1,
            column: 0,
            text: name.to_owned(),
        };
        return state.error(&nowhere, format!("template {name:?} not defined"));
    };
    state.name.clone_from(&definition.source);
    state.nodes(&definition.body, data)?;
    Ok(state.out)
}

struct State<'a> {
    definitions: &'a Definitions,
    functions: &'a dyn Functions,
    limits: &'a Limits,
    /// The text that the running template comes from.
    name: String,
    /// The running template.
    executing: String,
    html: Option<HtmlContext>,
    variables: Vec<(String, Value)>,
    out: String,
    turns: usize,
    depth: usize,
}

impl State<'_> {
    fn error<T>(&self, at: &Place, message: impl Into<String>) -> Result<T, ExecError> {
        Err(ExecError {
            name: self.name.clone(),
            executing: self.executing.clone(),
            line: at.line,
            column: at.column,
            at: at.text.clone(),
            message: message.into(),
        })
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, ExecError> {
        for node in nodes {
            match self.node(node, dot)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, ExecError> {
        match node {
            Node::Text(text) => match &mut self.html {
                None => self.out.push_str(text),
                Some(html) => html.literal(text, &mut self.out),
            },
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.print(&value, pipe)?;
                }
            }
            Node::If(branch) => return self.scoped(|state| state.branch(branch, dot, false)),
            Node::With(branch) => return self.scoped(|state| state.branch(branch, dot, true)),
            Node::Range(branch) => return self.scoped(|state| state.range(branch, dot)),
            Node::Template { at, name, pipe } => self.template(at, name, pipe.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Value, pipe: &Pipe) -> Result<(), ExecError> {
        match &mut self.html {
            None => self.out.push_str(&builtin::print(value)),
            Some(html) if ends_in(pipe, "html") => html.escaped(&builtin::print(value), &mut self.out),
            Some(html) if ends_in(pipe, "urlquery") => html.query_escaped(&builtin::print(value), &mut self.out),
            Some(html) => html.value(value, &mut self.out),
        }
        if self.out.len() > self.limits.output_bytes {
            let at = &pipe.commands[0].at;
            return self.error(at, format!("output exceeds {} bytes", self.limits.output_bytes));
        }
        Ok(())
    }

    /// Forgets the variables that `inner` declares.
    fn scoped<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, ExecError>) -> Result<T, ExecError> {
        let scope = self.variables.len();
        let result = inner(self);
        self.variables.truncate(scope);
        result
    }

    fn branch(&mut self, branch: &Branch, dot: &Value, sets_dot: bool) -> Result<Flow, ExecError> {
        let value = self.pipe(&branch.pipe, dot)?;
        match (value.is_true(), sets_dot) {
            (true, true) => self.nodes(&branch.then, &value),
            (true, false) => self.nodes(&branch.then, dot),
            (false, _) => self.nodes(&branch.otherwise, dot),
        }
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow, ExecError> {
        let at = &branch.pipe.commands[0].at;
        let undeclared = Pipe {
            variables: Vec::new(),
            assigns: false,
            commands: branch.pipe.commands.clone(),
        };
        let value = self.pipe(&undeclared, dot)?;
        let elements = self.elements(&value, at)?;
        if elements.is_empty() {
            return self.nodes(&branch.otherwise, dot);
        }
        for (key, element) in elements {
            self.turns += 1;
            if self.turns > self.limits.loop_turns {
                return self.error(at, format!("more than {} turns of loops", self.limits.loop_turns));
            }
            let flow = self.scoped(|state| {
                state.set_loop_variables(&branch.pipe, key, &element);
                state.nodes(&branch.then, &element)
            })?;
            if matches!(flow, Flow::Break) {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn set_loop_variables(&mut self, pipe: &Pipe, key: Value, element: &Value) {
        let values = match pipe.variables.len() {
            0 => return,
            1 => vec![element.clone()],
            _ => vec![key, element.clone()],
        };
        for (name, value) in pipe.variables.iter().zip(values) {
            self.set_variable(name, value, pipe.assigns);
        }
    }

    /// Keys and elements that a range goes through.
    fn elements(&self, value: &Value, at: &Place) -> Result<Vec<(Value, Value)>, ExecError> {
        let numbered = |items: Vec<Value>| {
            let with_index = items.into_iter().enumerate();
            with_index.map(|(i, item)| (Value::Int(i as i64), item)).collect()
        };
        match value {
            Value::Nil => Ok(Vec::new()),
            Value::List(items) => Ok(numbered(items.to_vec())),
            Value::Map(map) => {
                let entries = map.entries.iter();
                Ok(entries
                    .map(|(name, value)| (name.as_str().into(), value.clone()))
                    .collect())
            }
            Value::Int(count) => {
                let bounded = (*count).clamp(0, self.limits.loop_turns as i64 + 1);
                Ok((0..bounded).map(|i| (Value::Int(i), Value::Int(i))).collect())
            }
            Value::Object(object) => match (object.items(), object.entries()) {
                (Some(items), _) => Ok(numbered(items)),
                (None, Some(map)) => self.elements(&Value::Map(map), at),
                (None, None) => self.error(at, format!("range can't iterate over {}", object.text())),
            },
            other => self.error(at, format!("range can't iterate over {}", builtin::print(other))),
        }
    }

    fn template(&mut self, at: &Place, name: &str, pipe: Option<&Pipe>, dot: &Value) -> Result<(), ExecError> {
        let definitions = self.definitions;
        let Some(definition) = definitions.get(name) else {
            return self.error(at, format!("template {name:?} not defined"));
        };
        if self.depth == self.limits.depth {
            return self.error(at, format!("exceeded maximum template depth ({})", self.limits.depth));
        }
        let data = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Nil,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), data.clone())]);
        let outer = std::mem::replace(&mut self.name, definition.source.clone());
        let caller = std::mem::replace(&mut self.executing, name.to_owned());
        self.depth += 1;
        self.nodes(&definition.body, &data)?;
        self.depth -= 1;
        self.name = outer;
        self.executing = caller;
        self.variables = variables;
        Ok(())
    }

    fn set_variable(&mut self, name: &str, value: Value, assigns: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        match known {
            Some((_, slot)) if assigns => *slot = value,
            _ => self.variables.push((name.to_owned(), value)),
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, ExecError> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value)?);
        }
        let value = value.unwrap_or_default();
        for name in &pipe.variables {
            self.set_variable(name, value.clone(), pipe.assigns);
        }
        Ok(value)
    }

    /// A command; `last` is the value of the one before it in the pipe.
    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, ExecError> {
        let (first, rest) = command
            .operands
            .split_first()
            .expect("the parser refuses empty commands");
        match &first.kind {
            OperandKind::Function(name) if name == "and" || name == "or" => {
                self.short_circuit(command, name == "or", rest, dot, last)
            }
            OperandKind::Function(name) => {
                let arguments = self.arguments(rest, dot, last)?;
                let result = if self.functions.contains(name) {
                    self.functions.call(name, &arguments)
                } else {
                    builtin::call(name, &arguments)
                };
                match result {
                    Ok(value) => Ok(value),
                    Err(message) if message.starts_with("wrong number of args") => self.error(&first.at, message),
                    Err(message) => self.error(&command.at, format!("error calling {name}: {message}")),
                }
            }
            OperandKind::Field(path) => {
                let arguments = self.arguments(rest, dot, last)?;
                self.path(dot, path, &arguments, &first.at)
            }
            OperandKind::Variable(name, path) if !path.is_empty() => {
                let arguments = self.arguments(rest, dot, last)?;
                let value = self.variable(name);
                self.path(&value, path, &arguments, &first.at)
            }
            OperandKind::Pipe(pipe, path) if !path.is_empty() => {
                let arguments = self.arguments(rest, dot, last)?;
                let value = self.pipe(pipe, dot)?;
                self.path(&value, path, &arguments, &first.at)
            }
            OperandKind::Nil => self.error(&first.at, "nil is not a command"),
            _ if rest.is_empty() && last.is_none() => self.operand(first, dot),
            _ => self.error(
                &first.at,
                format!("can't give argument to non-function {}", first.at.text),
            ),
        }
    }

    /// `and` and `or`: the first argument that decides, or the last.
    fn short_circuit(
        &mut self,
        command: &Command,
        stops_at: bool,
        rest: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, ExecError> {
        let mut value = None;
        for operand in rest {
            let next = self.operand(operand, dot)?;
            if next.is_true() == stops_at {
                return Ok(next);
            }
            value = Some(next);
        }
        match last.or(value) {
            Some(value) => Ok(value),
            None => self.error(&command.at, "wrong number of args: want at least 1 got 0"),
        }
    }

    fn arguments(&mut self, operands: &[Operand], dot: &Value, last: Option<Value>) -> Result<Vec<Value>, ExecError> {
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            arguments.push(self.operand(operand, dot)?);
        }
        arguments.extend(last);
        Ok(arguments)
    }

    fn variable(&self, name: &str) -> Value {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, ExecError> {
        match &operand.kind {
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Bool(value) => Ok(Value::Bool(*value)),
            OperandKind::Int(value) => Ok(Value::Int(*value)),
            OperandKind::Float(value) => Ok(Value::Float(*value)),
            OperandKind::String(text) => Ok(text.as_str().into()),
            OperandKind::Field(path) => self.path(dot, path, &[], &operand.at),
            OperandKind::Variable(name, path) => self.path(&self.variable(name), path, &[], &operand.at),
            OperandKind::Pipe(pipe, path) => {
                let value = self.pipe(pipe, dot)?;
                self.path(&value, path, &[], &operand.at)
            }
            OperandKind::Function(_) => {
                let command = Command {
                    at: operand.at.clone(),
                    operands: vec![operand.clone()],
                };
                self.command(&command, dot, None)
            }
        }
    }

    /// Follows fields; the last one gets the arguments, if it is a method.
    fn path(&self, value: &Value, path: &[String], arguments: &[Value], at: &Place) -> Result<Value, ExecError> {
        let mut current = value.clone();
        for (i, name) in path.iter().enumerate() {
            let is_last = i + 1 == path.len();
            current = self.member(&current, name, if is_last { arguments } else { &[] }, at)?;
        }
        Ok(current)
    }

    fn member(&self, value: &Value, name: &str, arguments: &[Value], at: &Place) -> Result<Value, ExecError> {
        let member = match value {
            Value::Map(map) if arguments.is_empty() => {
                return Ok(map.entries.get(name).unwrap_or(&map.missing).clone());
            }
            Value::Map(_) => return self.error(at, format!("{name} is not a method but has arguments")),
            Value::Nil => return self.error(at, format!("nil data; no entry for key {name:?}")),
            Value::Time(time) => time.member(name, arguments),
            Value::Duration(nanoseconds) => duration_member(*nanoseconds, name),
            Value::Object(object) => object.member(name, arguments),
            _ => None,
        };
        match member {
            Some(Ok(value)) => Ok(value),
            Some(Err(message)) => self.error(at, format!("error calling {name}: {message}")),
            None => match value {
                Value::Object(object) if let Some(map) = object.entries() => {
                    self.member(&Value::Map(map), name, arguments, at)
                }
                _ => self.error(at, format!("can't evaluate field {name} in type {}", value.type_name())),
            },
        }
    }
}

/// Whether the last function of a pipe is `name`.
fn ends_in(pipe: &Pipe, name: &str) -> bool {
    let last = pipe.commands.last().and_then(|command| command.operands.first());
    matches!(last.map(|operand| &operand.kind), Some(OperandKind::Function(function)) if function == name)
}
