//! Why a matcher is refused, in Alertmanager's words.

/// A regular expression that does not compile, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

impl PatternError {
    pub(super) fn new(message: String) -> Self {
        Self(message)
    }
}

/// A text that holds no matchers. Columns count characters from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// Not of the UTF-8 grammar; the message names the columns.
    #[error("{0}")]
    Utf8(String),
    /// Not of the classic grammar.
    #[error("bad matcher format: {0}")]
    Format(String),
    /// A quote inside a classic value.
    #[error("matcher value contains unescaped double quote: {0}")]
    UnescapedQuote(String),
    /// A regular expression does not compile.
    #[error("{0}")]
    Pattern(#[from] PatternError),
    /// Braces around what must be one matcher.
    #[error("unexpected open or close brace: {0}")]
    Brace(String),
    /// Nothing where one matcher is wanted.
    #[error("no matchers")]
    None,
    /// Several where one is wanted.
    #[error("expected 1 matcher, found {0}")]
    Several(usize),
}
