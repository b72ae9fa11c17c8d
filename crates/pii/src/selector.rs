//! Selectors: which values of an event a rule is for, such as `$string && !extra.note` or `$http.headers.**`.
//!
//! A path that begins with a type or with `**` may lie anywhere; one that begins with a key starts at the event.

use std::fmt;

use crate::schema::{Level, Pii, ValueType};

/// Levels of parentheses that are followed.
const MAX_NESTING: usize = 32;

/// A selector that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("selector {text:?}: {reason} at byte {at}; write paths such as `$string`, `extra.foo` or `'a key'.**`")]
pub struct SelectorError {
    text: String,
    reason: &'static str,
    at: usize,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Type(ValueType),
    Key(String),
    /// `*`: any one step.
    Any,
    /// `**`: any steps.
    Deep,
}

/// What a value must be for a rule to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    text: String,
    node: Node,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Path(Vec<Step>),
}

impl Selector {
    /// Reads a selector.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { text, at: 0 };
        let node = parser.alternatives(0)?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.fault("there is more than one selector"));
        }
        Ok(Self {
            text: text.to_owned(),
            node,
        })
    }

    /// Whether the value at the end of the path is meant. Fields that may hold personal data need to be named; those
    /// that never do are never meant.
    pub(crate) fn matches(&self, path: &[Level]) -> bool {
        match path.last().map(|level| level.pii) {
            None | Some(Pii::No) => false,
            Some(Pii::Maybe) => self.node.is_specific() && self.node.matches(path),
            Some(Pii::Yes) => self.node.matches(path),
        }
    }

    /// In which order rules of several selectors apply: narrowed ones first, plain paths last.
    pub(crate) fn order(&self) -> (u8, &str) {
        let kind = match self.node {
            Node::And(_) => 0,
            Node::Or(_) => 1,
            Node::Not(_) => 2,
            Node::Path(_) => 3,
        };
        (kind, &self.text)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Node {
    fn matches(&self, path: &[Level]) -> bool {
        match self {
            Self::And(all) => all.iter().all(|node| node.matches(path)),
            Self::Or(any) => any.iter().any(|node| node.matches(path)),
            Self::Not(node) => !node.matches(path),
            Self::Path(steps) => path_matches(steps, path),
        }
    }

    /// Whether somebody has named the field: its key or a type with a meaning, and no `**`.
    fn is_specific(&self) -> bool {
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().any(Self::is_specific),
            Self::Not(_) => false,
            Self::Path(steps) => {
                !steps.contains(&Step::Deep)
                    && steps.iter().any(|step| match step {
                        Step::Key(_) => true,
                        Step::Type(kind) => !kind.is_general(),
                        Step::Any | Step::Deep => false,
                    })
            }
        }
    }
}

fn path_matches(steps: &[Step], path: &[Level]) -> bool {
    let starts: Vec<usize> = match steps.first() {
        Some(Step::Type(_)) => (0..path.len()).collect(),
        // The first level is the event itself, which no key names.
        Some(Step::Key(_) | Step::Any) => vec![1],
        Some(Step::Deep) => vec![0],
        None => return false,
    };
    starts
        .into_iter()
        .any(|start| path.get(start..).is_some_and(|rest| steps_match(steps, rest)))
}

/// Whether the steps cover the levels from first to last, by a table over both.
fn steps_match(steps: &[Step], levels: &[Level]) -> bool {
    let mut reached = vec![false; levels.len() + 1];
    reached[0] = true;
    for (index, step) in steps.iter().enumerate() {
        let mut next = vec![false; levels.len() + 1];
        let is_last = index + 1 == steps.len();
        for at in 0..=levels.len() {
            if *step == Step::Deep {
                // At the end of a selector `**` means what lies below, not the thing itself.
                let from = reached[..at].iter().any(|reached| *reached);
                next[at] = from || (reached[at] && !(is_last && index > 0));
            } else if at > 0 {
                next[at] = reached[at - 1] && step_matches(step, &levels[at - 1]);
            }
        }
        reached = next;
    }
    reached[levels.len()]
}

fn step_matches(step: &Step, level: &Level) -> bool {
    match step {
        Step::Type(kind) => level.types.contains(kind),
        Step::Key(key) => level.key.eq_ignore_ascii_case(key),
        Step::Any | Step::Deep => true,
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn fault(&self, reason: &'static str) -> SelectorError {
        SelectorError {
            text: self.text.to_owned(),
            reason,
            at: self.at,
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes one of the tokens, longest first.
    fn take(&mut self, tokens: &[&str]) -> bool {
        let found = tokens.iter().find(|token| self.rest().starts_with(**token));
        self.at += found.map_or(0, |token| token.len());
        found.is_some()
    }

    fn alternatives(&mut self, depth: usize) -> Result<Node, SelectorError> {
        let mut nodes = vec![self.all_of(depth)?];
        loop {
            self.space();
            if !self.take(&["||", "|"]) {
                return Ok(join(nodes, Node::Or));
            }
            nodes.push(self.all_of(depth)?);
        }
    }

    fn all_of(&mut self, depth: usize) -> Result<Node, SelectorError> {
        let mut nodes = vec![self.one(depth)?];
        loop {
            self.space();
            if !self.take(&["&&", "&"]) {
                return Ok(join(nodes, Node::And));
            }
            nodes.push(self.one(depth)?);
        }
    }

    fn one(&mut self, depth: usize) -> Result<Node, SelectorError> {
        if depth > MAX_NESTING {
            return Err(self.fault("nested too deeply"));
        }
        self.space();
        if self.take(&["!", "~"]) {
            return Ok(Node::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take(&["("]) {
            let node = self.alternatives(depth + 1)?;
            self.space();
            if !self.take(&[")"]) {
                return Err(self.fault("a closing parenthesis is missing"));
            }
            return Ok(node);
        }
        let mut steps = vec![self.step()?];
        while self.take(&["."]) {
            steps.push(self.step()?);
        }
        Ok(Node::Path(steps))
    }

    fn step(&mut self) -> Result<Step, SelectorError> {
        if self.take(&["**"]) {
            return Ok(Step::Deep);
        }
        if self.take(&["*"]) {
            return Ok(Step::Any);
        }
        if self.take(&["'"]) {
            return self.quoted();
        }
        let is_type = self.take(&["$"]);
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let word: String = self.rest().chars().take_while(|c| is_word(*c)).collect();
        if word.is_empty() {
            return Err(self.fault("a key, a $type, * or ** is missing"));
        }
        if !is_type {
            self.at += word.len();
            return Ok(Step::Key(word));
        }
        let kind = ValueType::from_name(&word).ok_or_else(|| self.fault("the type is unknown"))?;
        self.at += word.len();
        Ok(Step::Type(kind))
    }

    /// A key in quotes, where two quotes stand for one.
    fn quoted(&mut self) -> Result<Step, SelectorError> {
        let mut key = String::new();
        loop {
            if self.take(&["''"]) {
                key.push('\'');
            } else if self.take(&["'"]) {
                return Ok(Step::Key(key));
            } else if let Some(c) = self.rest().chars().next() {
                key.push(c);
                self.at += c.len_utf8();
            } else {
                return Err(self.fault("a closing quote is missing"));
            }
        }
    }
}

fn join(mut nodes: Vec<Node>, with: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(node)) => node,
        (_, last) => {
            nodes.extend(last);
            with(nodes)
        }
    }
}
