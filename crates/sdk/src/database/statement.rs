//! A statement without its values: literals become `?`, comments go, lists of values shrink to one.

use sqlparser::dialect::{Dialect, GenericDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::tokenizer::{Token, Tokenizer};

/// Characters of `db.query.summary`, as the conventions bound it.
const MAX_SUMMARY_CHARS: usize = 255;
/// Bytes of a statement that are looked at; of a longer one only what is known of its beginning is told.
const MAX_STATEMENT_BYTES: usize = 32 * 1024;

/// What may be shown of a statement. Nothing, where it cannot be read: it might be a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// `db.operation.name`: SELECT, INSERT, …
    pub operation: Option<String>,
    /// `db.query.summary`: the operation and the tables that it names; few values, fit for a span's name.
    pub summary: Option<String>,
    /// `db.query.text`: the statement, every literal a `?`.
    pub text: Option<String>,
}

impl Statement {
    /// Reads a statement in the dialect of a database system (`db.system.name`).
    pub(super) fn read(system: &str, sql: &str) -> Self {
        let dialect: &dyn Dialect = match system {
            "postgresql" => &PostgreSqlDialect {},
            "mysql" | "mariadb" => &MySqlDialect {},
            "sqlite" => &SQLiteDialect {},
            _ => &GenericDialect {},
        };
        if sql.len() > MAX_STATEMENT_BYTES {
            return Self::default();
        }
        let Ok(tokens) = Tokenizer::new(dialect, sql).tokenize() else {
            return Self::default();
        };
        let operation = operation(&tokens);
        Self {
            summary: operation.as_deref().map(|operation| summary(operation, &tokens)),
            operation,
            text: Some(text(&tokens)),
        }
    }
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(&word.value),
        _ => None,
    }
}

/// The first word; behind WITH the first verb that stands in no parentheses.
fn operation(tokens: &[Token]) -> Option<String> {
    let first = tokens.iter().find_map(word)?.to_ascii_uppercase();
    if first != "WITH" {
        return Some(first);
    }
    let mut depth = 0_usize;
    for token in tokens {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {
                let verb = word(token).unwrap_or_default().to_ascii_uppercase();
                if depth == 0 && ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"].contains(&verb.as_str()) {
                    return Some(verb);
                }
            }
        }
    }
    Some(first)
}

/// The operation and the name behind each FROM, JOIN, INTO, UPDATE and TABLE.
fn summary(operation: &str, tokens: &[Token]) -> String {
    let mut summary = operation.to_owned();
    let mut dense = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .peekable();
    while let Some(token) = dense.next() {
        let Some(keyword) = word(token) else { continue };
        let names_table = ["FROM", "JOIN", "INTO", "UPDATE", "TABLE"]
            .iter()
            .any(|k| keyword.eq_ignore_ascii_case(k));
        if !names_table {
            continue;
        }
        let mut name = String::new();
        while let Some(part) = dense.next_if(|token| word(token).is_some() || **token == Token::Period) {
            name.push_str(&part.to_string());
            if !matches!(dense.peek(), Some(Token::Period)) && *part != Token::Period {
                break;
            }
        }
        let target = format!(" {name}");
        if !name.is_empty() && !summary.contains(&target) && summary.len() + target.len() <= MAX_SUMMARY_CHARS {
            summary.push_str(&target);
        }
    }
    summary
}

/// Keeps words, placeholders and signs. Whatever else bears a letter, a digit or a quote is a value.
fn text(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::Whitespace(_) => {
                if !text.is_empty() && !text.ends_with(' ') {
                    text.push(' ');
                }
            }
            Token::Word(_) | Token::Placeholder(_) => text.push_str(&token.to_string()),
            _ => push_sign_or_value(&mut text, &token.to_string()),
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn push_sign_or_value(text: &mut String, token: &str) {
    if !token.contains(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '"' | '$')) {
        text.push_str(token);
        return;
    }
    let before = text.trim_end();
    if before
        .strip_suffix(',')
        .is_some_and(|list| list.trim_end().ends_with('?'))
    {
        text.truncate(before.len() - 1);
    } else {
        text.push('?');
    }
}
