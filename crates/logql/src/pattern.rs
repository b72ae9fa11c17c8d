//! Pattern expressions: `<method> <path> <_>` with literals between captures.

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `<name>`; `<_>` is a capture named `_`.
    Capture(String),
    /// Text between captures.
    Literal(String),
}

impl Node {
    fn is_unnamed(&self) -> bool {
        matches!(self, Self::Capture(name) if name == "_")
    }
}

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    nodes: Vec<Node>,
}

impl Pattern {
    /// A pattern for the `pattern` stage: at least one named capture.
    pub fn for_parser(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("syntax error: unexpected $end, expecting IDENTIFIER or LITERAL".to_owned());
        }
        let pattern = Self { nodes: parse(text) };
        pattern.check_consecutive()?;
        pattern.check_names()?;
        Ok(pattern)
    }

    /// A pattern for `|>` and `!>`: captures without names.
    pub fn for_filter(text: &str) -> Result<Self, String> {
        let pattern = Self { nodes: parse(text) };
        if pattern.names().next().is_some() {
            return Err("named captures are not allowed".to_owned());
        }
        pattern.check_consecutive()?;
        Ok(pattern)
    }

    /// The pieces.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Names of the named captures in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Capture(name) if name != "_" => Some(name.as_str()),
            _ => None,
        })
    }

    fn check_consecutive(&self) -> Result<(), String> {
        for pair in self.nodes.windows(2) {
            if let [Node::Capture(first), Node::Capture(second)] = pair {
                return Err(format!(
                    "found consecutive capture '<{first}><{second}>': invalid expression"
                ));
            }
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), String> {
        let names: Vec<&str> = self.names().collect();
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                return Err(format!("duplicate capture name ({name}): invalid expression"));
            }
        }
        Ok(())
    }

    /// Values of the named captures, in order. A line that ends early fills the leading ones.
    pub fn captures<'l>(&self, line: &'l str) -> Vec<&'l str> {
        let mut captures = Vec::new();
        let mut nodes = self.nodes.as_slice();
        let mut rest = line;
        if let Some((Node::Literal(first), others)) = nodes.split_first() {
            match rest.strip_prefix(first.as_str()) {
                Some(after) => (rest, nodes) = (after, others),
                None => return captures,
            }
        }
        if line.is_empty() {
            return captures;
        }
        while let Some((capture, others)) = nodes.split_first() {
            let found = match others.first() {
                Some(Node::Literal(literal)) => rest.find(literal.as_str()).map(|at| (at, literal.len())),
                _ => None,
            };
            let value = found.map_or(rest, |(at, _)| &rest[..at]);
            if !capture.is_unnamed() {
                captures.push(value);
            }
            let Some((at, length)) = found else { return captures };
            rest = &rest[at + length..];
            nodes = &others[1..];
        }
        captures
    }

    /// Whether the whole line fits the pattern, every capture taking at least one character.
    pub fn matches(&self, line: &str) -> bool {
        if line.is_empty() || self.nodes.is_empty() {
            return line.is_empty() && self.nodes.is_empty();
        }
        let mut rest = line;
        for (i, node) in self.nodes.iter().enumerate() {
            let Node::Literal(literal) = node else { continue };
            let fits = match rest.find(literal.as_str()) {
                Some(at) if (at == 0) == (i == 0) => &rest[at + literal.len()..],
                _ => return false,
            };
            rest = fits;
        }
        let ends_open = matches!(self.nodes.last(), Some(Node::Capture(_)));
        ends_open != rest.is_empty()
    }
}

/// Cuts a text into captures and literals. What is no complete capture is literal.
pub fn parse(text: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(name) = capture_name(rest) {
            if !literal.is_empty() {
                nodes.push(Node::Literal(std::mem::take(&mut literal)));
            }
            nodes.push(Node::Capture(name.to_owned()));
            rest = &rest[name.len() + 2..];
        } else {
            literal.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !literal.is_empty() {
        nodes.push(Node::Literal(literal));
    }
    nodes
}

fn capture_name(rest: &str) -> Option<&str> {
    let body = rest.strip_prefix('<')?;
    let name = &body[..body.find('>')?];
    skopos_core::labels::is_legacy_label_name(name).then_some(name)
}
