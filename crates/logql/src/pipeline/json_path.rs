//! The right side of `json a="…"` and `logfmt a="…"`.

/// A step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A member.
    Key(String),
    /// An element.
    Index(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Dot,
    Open,
    Close,
    Text(String),
    Field(String),
    Index(usize),
    End,
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Self::Dot => "DOT",
            Self::Open => "LSB",
            Self::Close => "RSB",
            Self::Text(_) => "STRING",
            Self::Field(_) => "FIELD",
            Self::Index(_) => "INDEX",
            Self::End => "$end",
        }
    }
}

/// Parses `a.b["c d"][0]`.
pub fn parse_json_path(path: &str) -> Result<Vec<Segment>, String> {
    segments(path).map_err(|error| format!("cannot parse expression [{path}]: {error}"))
}

/// Checks that `key` is one word, as `logfmt` wants it.
pub fn parse_logfmt_key(key: &str) -> Result<String, String> {
    let failed = |what: &str| Err(format!("cannot parse expression [{key}]: syntax error: {what}"));
    let mut words = key.split_whitespace();
    let Some(word) = words.next() else {
        return failed("unexpected $end, expecting KEY");
    };
    if words.next().is_some() {
        return failed("unexpected KEY");
    }
    if word.contains(['"', '=']) {
        return failed("unexpected STRING");
    }
    Ok(word.to_owned())
}

fn unexpected(token: &Token, expected: &str) -> String {
    let expecting = if expected.is_empty() { "" } else { ", expecting " };
    format!("syntax error: unexpected {}{expecting}{expected}", token.name())
}

fn segments(path: &str) -> Result<Vec<Segment>, String> {
    let mut tokens = tokens(path).into_iter().peekable();
    let mut next = move || tokens.next().unwrap_or(Token::End);
    let mut list = Vec::new();
    let mut token = next();
    loop {
        token = match token {
            Token::End if !list.is_empty() => return Ok(list),
            Token::Field(name) if list.is_empty() => {
                list.push(Segment::Key(name));
                next()
            }
            Token::Open => {
                list.push(bracket(&next())?);
                match next() {
                    Token::Close => next(),
                    other => return Err(unexpected(&other, "RSB")),
                }
            }
            Token::Dot if !list.is_empty() => match next() {
                Token::Field(name) => {
                    list.push(Segment::Key(name));
                    next()
                }
                other => return Err(unexpected(&other, "FIELD")),
            },
            other if list.is_empty() => return Err(unexpected(&other, "LSB or FIELD")),
            other => return Err(unexpected(&other, "")),
        };
    }
}

fn bracket(token: &Token) -> Result<Segment, String> {
    match token {
        Token::Text(text) => Ok(Segment::Key(text.clone())),
        Token::Index(index) => Ok(Segment::Index(*index)),
        other => Err(unexpected(other, "INDEX or STRING")),
    }
}

fn tokens(path: &str) -> Vec<Token> {
    let mut list = Vec::new();
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '.' => (Some(Token::Dot), 1),
            '[' => (Some(Token::Open), 1),
            ']' => (Some(Token::Close), 1),
            '"' => quoted(rest),
            c if c.is_whitespace() => (None, c.len_utf8()),
            c if c.is_ascii_digit() && list.last() == Some(&Token::Open) => index(rest),
            _ => field(rest),
        };
        list.extend(token);
        rest = &rest[length..];
    }
    list
}

/// A quoted name. One without its closing quote is taken to the end, and misses what follows.
fn quoted(rest: &str) -> (Option<Token>, usize) {
    let body = &rest[1..];
    let end = body.find('"');
    let text = &body[..end.unwrap_or(body.len())];
    (
        Some(Token::Text(text.to_owned())),
        1 + text.len() + usize::from(end.is_some()),
    )
}

fn index(rest: &str) -> (Option<Token>, usize) {
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let index = rest[..length].parse().unwrap_or(usize::MAX);
    (Some(Token::Index(index)), length)
}

fn field(rest: &str) -> (Option<Token>, usize) {
    let ends = |c: char| matches!(c, '.' | '[' | ']' | '"') || c.is_whitespace();
    let length = rest.find(ends).unwrap_or(rest.len());
    (Some(Token::Field(rest[..length].to_owned())), length)
}
