//! Tokens of `PromQL` and how error messages name them.

use crate::ast::{AggregateOp, BinaryOp};
use crate::position::PosRange;
use crate::quote::quote;

/// A token: its kind and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) pos: PosRange,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    Eof,
    /// The lexer gave up; nothing follows.
    Error(String),
    Identifier,
    MetricIdentifier,
    Number,
    Duration,
    String,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    /// `=`
    Equal,
    /// `=~`
    EqualRegex,
    /// `!~`
    NotEqualRegex,
    /// `@`
    At,
    Operator(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
    /// `start`, `end`, `step`, `range`
    Preprocessor(Preprocessor),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preprocessor {
    Start,
    End,
    Step,
    Range,
}

/// The kind of a word outside braces, in any case of letters.
pub(crate) fn keyword_kind(word: &str) -> Option<TokenKind> {
    let word = word.to_ascii_lowercase();
    if let Some(op) = AggregateOp::from_name(&word) {
        return Some(TokenKind::Aggregate(op));
    }
    let kind = match word.as_str() {
        "and" => TokenKind::Operator(BinaryOp::And),
        "or" => TokenKind::Operator(BinaryOp::Or),
        "unless" => TokenKind::Operator(BinaryOp::Unless),
        "atan2" => TokenKind::Operator(BinaryOp::Atan2),
        "offset" => TokenKind::Keyword(Keyword::Offset),
        "smoothed" => TokenKind::Keyword(Keyword::Smoothed),
        "anchored" => TokenKind::Keyword(Keyword::Anchored),
        "by" => TokenKind::Keyword(Keyword::By),
        "without" => TokenKind::Keyword(Keyword::Without),
        "on" => TokenKind::Keyword(Keyword::On),
        "ignoring" => TokenKind::Keyword(Keyword::Ignoring),
        "group_left" => TokenKind::Keyword(Keyword::GroupLeft),
        "group_right" => TokenKind::Keyword(Keyword::GroupRight),
        "fill" => TokenKind::Keyword(Keyword::Fill),
        "fill_left" => TokenKind::Keyword(Keyword::FillLeft),
        "fill_right" => TokenKind::Keyword(Keyword::FillRight),
        "bool" => TokenKind::Keyword(Keyword::Bool),
        "start" => TokenKind::Preprocessor(Preprocessor::Start),
        "end" => TokenKind::Preprocessor(Preprocessor::End),
        "step" => TokenKind::Preprocessor(Preprocessor::Step),
        "range" => TokenKind::Preprocessor(Preprocessor::Range),
        "inf" | "nan" => TokenKind::Number,
        _ => return None,
    };
    Some(kind)
}

/// Longest text of a token that messages show whole.
const MAX_SHOWN: usize = 10;

impl Token {
    /// The token in a message, such as `identifier "foo"` or `<op:*>`.
    pub(crate) fn describe(&self, input: &str) -> String {
        let text = &input[self.pos.start..self.pos.end];
        match &self.kind {
            TokenKind::Eof => "end of input".to_owned(),
            TokenKind::Error(message) => message.clone(),
            TokenKind::Identifier => format!("identifier {}", quote(text)),
            TokenKind::MetricIdentifier => format!("metric identifier {}", quote(text)),
            TokenKind::Number => format!("number {}", shown(text)),
            TokenKind::Duration => format!("duration {}", shown(text)),
            TokenKind::String => format!("string {}", shown(text)),
            TokenKind::Keyword(_) => format!("<{text}>"),
            TokenKind::Aggregate(_) => format!("<aggr:{text}>"),
            TokenKind::Operator(_) | TokenKind::EqualRegex | TokenKind::NotEqualRegex | TokenKind::At => {
                format!("<op:{text}>")
            }
            _ => shown(text),
        }
    }
}

fn shown(text: &str) -> String {
    if text.len() <= MAX_SHOWN {
        return quote(text);
    }
    let head: String = text.chars().take(MAX_SHOWN).collect();
    format!("{}...", quote(&head))
}
