//! Makes a tree of a template's tokens; names of functions and variables are checked here, as in
//! `text/template/parse/parse.go`.

use crate::ast::{Branch, Command, Definition, Node, Operand, OperandKind, Pipe, Place};
use crate::lex::{Lexeme, Token, lex};
use crate::number::{self, Number};
use crate::{Functions, ParseError, builtin};

/// Deepest nesting of blocks and parentheses.
const MAX_DEPTH: usize = 100;

pub(crate) fn parse(
    name: &str,
    text: &str,
    functions: &dyn Functions,
) -> Result<Vec<(String, Definition)>, ParseError> {
    let mut parser = Parser {
        name,
        text,
        functions,
        lexemes: lex(name, text)?,
        position: 0,
        variables: vec!["$".to_owned()],
        definitions: Vec::new(),
        loops: 0,
        depth: 0,
    };
    let (body, end) = parser.body()?;
    if let End::Keyword(word) = end {
        return parser.error(format!("unexpected {{{{{word}}}}}"));
    }
    let main = Definition {
        source: name.to_owned(),
        body,
    };
    let mut definitions = std::mem::take(&mut parser.definitions);
    definitions.insert(0, (name.to_owned(), main));
    Ok(definitions)
}

/// What ended a list of nodes.
#[derive(PartialEq)]
enum End {
    Input,
    /// `{{end}}` or `{{else`, whose rest is still to be read.
    Keyword(&'static str),
}

struct Parser<'a> {
    name: &'a str,
    text: &'a str,
    functions: &'a dyn Functions,
    lexemes: Vec<Lexeme>,
    position: usize,
    variables: Vec<String>,
    definitions: Vec<(String, Definition)>,
    loops: usize,
    depth: usize,
}

impl Parser<'_> {
    fn line(&self) -> usize {
        let at = self.position.min(self.lexemes.len().saturating_sub(1));
        self.lexemes.get(at).map_or(1, |lexeme| lexeme.line)
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError {
            name: self.name.to_owned(),
            line: self.line(),
            message: message.into(),
        })
    }

    fn unexpected<T>(&self, context: &str) -> Result<T, ParseError> {
        match self.lexemes.get(self.position) {
            None => self.error("unexpected EOF"),
            Some(lexeme) => {
                let text = &self.text[lexeme.start..lexeme.end];
                match lexeme.token {
                    Token::Identifier(_) => self.error(format!("unexpected <{text}> in {context}")),
                    _ => self.error(format!("unexpected {text:?} in {context}")),
                }
            }
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.lexemes.get(self.position).map(|lexeme| &lexeme.token)
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.position += 1;
        }
    }

    fn peek_non_space(&mut self) -> Option<&Token> {
        self.skip_space();
        self.peek()
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek_non_space() == Some(token);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token, context: &str) -> Result<(), ParseError> {
        if self.take(token) {
            return Ok(());
        }
        self.unexpected(context)
    }

    fn take_keyword(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let Some(Token::Identifier(word)) = self.peek_non_space() else {
            return None;
        };
        let found = words.iter().find(|candidate| *candidate == word).copied();
        self.position += usize::from(found.is_some());
        found
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Nodes up to the end of the text, an `end` or an `else`.
    fn body(&mut self) -> Result<(Vec<Node>, End), ParseError> {
        let mut nodes = Vec::new();
        while let Some(lexeme) = self.lexemes.get(self.position) {
            let token = lexeme.token.clone();
            self.position += 1;
            if let Token::Text(text) = token {
                nodes.push(Node::Text(text));
                continue;
            }
            debug_assert_eq!(token, Token::LeftDelimiter);
            if let Some(word) = self.take_keyword(&["end", "else"]) {
                return Ok((nodes, End::Keyword(word)));
            }
            nodes.extend(self.nested(Self::action)?);
        }
        Ok((nodes, End::Input))
    }

    fn action(&mut self) -> Result<Option<Node>, ParseError> {
        const WORDS: &[&str] = &[
            "if", "with", "range", "template", "block", "define", "break", "continue",
        ];
        match self.take_keyword(WORDS) {
            Some("if") => Ok(Some(Node::If(self.branch("if")?))),
            Some("with") => Ok(Some(Node::With(self.branch("with")?))),
            Some("range") => Ok(Some(Node::Range(self.branch("range")?))),
            Some("template") => self.template().map(Some),
            Some("block") => self.block().map(Some),
            Some("define") => self.define().map(|()| None),
            Some(word) => self.loop_control(word).map(Some),
            None => {
                let pipe = self.pipe("command")?;
                self.expect(&Token::RightDelimiter, "command")?;
                Ok(Some(Node::Action(pipe)))
            }
        }
    }

    fn loop_control(&mut self, word: &str) -> Result<Node, ParseError> {
        if self.loops == 0 {
            return self.error(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        self.expect(&Token::RightDelimiter, word)?;
        Ok(if word == "break" { Node::Break } else { Node::Continue })
    }

    fn branch(&mut self, word: &'static str) -> Result<Branch, ParseError> {
        let scope = self.variables.len();
        let pipe = self.pipe(word)?;
        self.expect(&Token::RightDelimiter, word)?;
        self.loops += usize::from(word == "range");
        let (then, end) = self.body()?;
        self.loops -= usize::from(word == "range");
        let otherwise = match end {
            End::Input => return self.error("unexpected EOF"),
            End::Keyword("else") => self.otherwise(word)?,
            End::Keyword(_) => {
                self.expect(&Token::RightDelimiter, "end")?;
                Vec::new()
            }
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, then, otherwise })
    }

    /// What follows `{{else`: its end, or `if` or `with` as a branch that shares our `end`.
    fn otherwise(&mut self, word: &'static str) -> Result<Vec<Node>, ParseError> {
        match word {
            "if" if self.take_keyword(&["if"]).is_some() => {
                return Ok(vec![Node::If(self.nested(|parser| parser.branch("if"))?)]);
            }
            "with" if self.take_keyword(&["with"]).is_some() => {
                return Ok(vec![Node::With(self.nested(|parser| parser.branch("with"))?)]);
            }
            _ => self.expect(&Token::RightDelimiter, "else")?,
        }
        let (otherwise, end) = self.body()?;
        match end {
            End::Keyword("end") => self.expect(&Token::RightDelimiter, "end")?,
            End::Keyword(_) => return self.error("expected end; found {{else}}"),
            End::Input => return self.error("unexpected EOF"),
        }
        Ok(otherwise)
    }

    fn template_name(&mut self, context: &str) -> Result<String, ParseError> {
        let Some(Token::String(name)) = self.peek_non_space() else {
            return self.unexpected(context);
        };
        let name = name.clone();
        self.position += 1;
        Ok(name)
    }

    fn template(&mut self) -> Result<Node, ParseError> {
        self.skip_space();
        let start = self.position;
        let name = self.template_name("template clause")?;
        let pipe = match self.peek_non_space() {
            Some(Token::RightDelimiter) => None,
            _ => Some(self.pipe("template clause")?),
        };
        let mut at = self.place(start);
        at.text = format!("{{{{template {}}}}}", at.text);
        self.expect(&Token::RightDelimiter, "template clause")?;
        Ok(Node::Template { at, name, pipe })
    }

    fn block(&mut self) -> Result<Node, ParseError> {
        self.skip_space();
        let start = self.position;
        let name = self.template_name("block clause")?;
        let pipe = Some(self.pipe("block clause")?);
        let mut at = self.place(start);
        at.text = format!("{{{{block {}}}}}", at.text);
        self.expect(&Token::RightDelimiter, "block clause")?;
        self.definition(name.clone(), "block clause")?;
        Ok(Node::Template { at, name, pipe })
    }

    fn define(&mut self) -> Result<(), ParseError> {
        if self.depth > 1 {
            return self.error("unexpected {{define}}");
        }
        let name = self.template_name("define clause")?;
        self.expect(&Token::RightDelimiter, "define clause")?;
        self.definition(name, "define clause")
    }

    fn definition(&mut self, name: String, context: &str) -> Result<(), ParseError> {
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.body()?;
        if end != End::Keyword("end") {
            return self.unexpected(context);
        }
        self.expect(&Token::RightDelimiter, "end")?;
        self.variables = outer;
        self.loops = loops;
        let source = self.name.to_owned();
        self.definitions.push((name, Definition { source, body }));
        Ok(())
    }

    fn pipe(&mut self, context: &str) -> Result<Pipe, ParseError> {
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            self.skip_space();
            if matches!(self.peek(), Some(Token::RightDelimiter | Token::RightParen)) {
                break;
            }
            commands.push(self.command()?);
            if !self.take(&Token::Pipe) {
                break;
            }
            if matches!(self.peek_non_space(), Some(Token::RightDelimiter | Token::RightParen)) {
                return self.error(format!("missing value for {context}"));
            }
        }
        if commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (stage, command) in commands.iter().enumerate().skip(1) {
            if !can_be_called(&command.operands[0].kind) {
                return self.error(format!("non executable command in pipeline stage {}", stage + 1));
            }
        }
        if !assigns {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipe {
            variables,
            assigns,
            commands,
        })
    }

    /// `$x :=`, `$x =` and, for a range, `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Result<(Vec<String>, bool), ParseError> {
        let start = self.position;
        let mut variables = Vec::new();
        while let Some(Token::Variable(name)) = self.peek_non_space() {
            variables.push(name.clone());
            self.position += 1;
            match self.peek_non_space() {
                Some(Token::Comma) if context == "range" && variables.len() == 1 => self.position += 1,
                Some(Token::Declare) => {
                    self.position += 1;
                    return Ok((variables, false));
                }
                Some(Token::Assign) => {
                    self.position += 1;
                    for name in &variables {
                        self.check_variable(name)?;
                    }
                    return Ok((variables, true));
                }
                Some(Token::Comma) => return self.error(format!("too many declarations in {context}")),
                _ => break,
            }
        }
        self.position = start;
        Ok((Vec::new(), false))
    }

    fn check_variable(&self, name: &str) -> Result<(), ParseError> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        self.error(format!("undefined variable {name:?}"))
    }

    fn command(&mut self) -> Result<Command, ParseError> {
        self.skip_space();
        let start = self.position;
        let mut operands = Vec::new();
        let mut end;
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            end = self.position;
            match self.peek() {
                Some(Token::Space) => {}
                Some(Token::RightDelimiter | Token::RightParen | Token::Pipe) => break,
                _ => return self.unexpected("operand"),
            }
            if matches!(
                self.peek_non_space(),
                Some(Token::RightDelimiter | Token::RightParen | Token::Pipe)
            ) {
                break;
            }
        }
        if operands.is_empty() {
            return self.error("empty command");
        }
        let at = self.place_between(start, end);
        Ok(Command { at, operands })
    }

    fn place(&self, start: usize) -> Place {
        self.place_between(start, self.position)
    }

    fn place_between(&self, start: usize, end: usize) -> Place {
        let first = &self.lexemes[start.min(self.lexemes.len() - 1)];
        let last = &self.lexemes[end.saturating_sub(1).clamp(start, self.lexemes.len() - 1)];
        let line_start = self.text[..first.start].rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: first.line,
            column: first.start - line_start,
            text: self.text[first.start..last.end.max(first.start)].trim().to_owned(),
        }
    }

    /// A term and the fields that follow it directly.
    fn operand(&mut self) -> Result<Option<Operand>, ParseError> {
        let start = self.position;
        let Some(mut kind) = self.term()? else {
            return Ok(None);
        };
        let mut path = Vec::new();
        while let Some(Token::Field(name)) = self.peek() {
            path.push(name.clone());
            self.position += 1;
        }
        if !path.is_empty() {
            match &mut kind {
                OperandKind::Field(fields) | OperandKind::Variable(_, fields) | OperandKind::Pipe(_, fields) => {
                    fields.extend(path);
                }
                OperandKind::Dot => kind = OperandKind::Field(path),
                _ => return self.error(format!("unexpected . after term {:?}", self.place(start).text)),
            }
        }
        let at = self.place(start);
        Ok(Some(Operand { at, kind }))
    }

    fn term(&mut self) -> Result<Option<OperandKind>, ParseError> {
        let Some(token) = self.peek().cloned() else {
            return self.error("unclosed action");
        };
        let kind = match token {
            Token::Identifier(word) => self.word(word)?,
            Token::Dot => OperandKind::Dot,
            Token::Field(name) => OperandKind::Field(vec![name]),
            Token::Variable(name) => {
                self.check_variable(&name)?;
                OperandKind::Variable(name, Vec::new())
            }
            Token::String(text) => OperandKind::String(text),
            Token::Char(character) => OperandKind::Int(i64::from(u32::from(character))),
            Token::Number(text) => match number::parse(&text) {
                Some(Number::Int(value)) => OperandKind::Int(value),
                Some(Number::Float(value)) => OperandKind::Float(value),
                None => return self.error(format!("bad number syntax: {text:?}")),
            },
            Token::LeftParen => {
                self.position += 1;
                let pipe = self.nested(|parser| parser.pipe("parenthesized pipeline"))?;
                self.expect(&Token::RightParen, "parenthesized pipeline")?;
                return Ok(Some(OperandKind::Pipe(Box::new(pipe), Vec::new())));
            }
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some(kind))
    }

    fn word(&self, word: String) -> Result<OperandKind, ParseError> {
        match word.as_str() {
            "true" => Ok(OperandKind::Bool(true)),
            "false" => Ok(OperandKind::Bool(false)),
            "nil" => Ok(OperandKind::Nil),
            _ if self.functions.contains(&word) || builtin::is_builtin(&word) => Ok(OperandKind::Function(word)),
            _ => self.error(format!("function {word:?} not defined")),
        }
    }
}

fn can_be_called(kind: &OperandKind) -> bool {
    !matches!(
        kind,
        OperandKind::Dot
            | OperandKind::Nil
            | OperandKind::Bool(_)
            | OperandKind::Int(_)
            | OperandKind::Float(_)
            | OperandKind::String(_)
    )
}
