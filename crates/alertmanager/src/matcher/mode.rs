//! Which grammar holds: the UTF-8 one, the classic one, or both with a warning where they differ.

use super::{Matcher, MatcherError, classic, utf8};

/// Which parser reads matchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParserMode {
    /// Both; where they disagree the classic result holds, with a warning.
    #[default]
    Fallback,
    /// The UTF-8 parser only (feature `utf8-strict-mode`).
    Utf8Strict,
    /// The classic parser only (feature `classic-mode`).
    Classic,
}

/// What a matcher should be written as before Alertmanager drops the classic parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseWarning {
    /// Only the classic parser understands the input.
    Incompatible {
        /// The input.
        input: String,
        /// What the UTF-8 parser says.
        error: String,
        /// How both understand it.
        suggestion: String,
    },
    /// Both parsers understand the input, each in its own way.
    Disagreement {
        /// The input.
        input: String,
    },
}

impl std::fmt::Display for ParseWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incompatible {
                input,
                error,
                suggestion,
            } => write!(
                f,
                "matchers {input:?} are understood by the classic parser only ({error}); write {suggestion}"
            ),
            Self::Disagreement { input } => write!(
                f,
                "matchers input has disagreement: {input:?} means something else to the UTF-8 parser; the classic meaning holds"
            ),
        }
    }
}

impl ParserMode {
    /// Reads any number of matchers, in their order. Of two errors the classic one is returned.
    pub fn parse(self, input: &str) -> Result<(Vec<Matcher>, Option<ParseWarning>), MatcherError> {
        match self {
            Self::Utf8Strict => Ok((utf8::parse(input)?, None)),
            Self::Classic => Ok((classic::parse(input)?, None)),
            Self::Fallback => fallback(input, utf8::parse(input), classic::parse(input)),
        }
    }

    /// Reads exactly one matcher, as API filters are; braces are refused where the UTF-8 parser
    /// takes part.
    pub fn parse_one(self, input: &str) -> Result<(Matcher, Option<ParseWarning>), MatcherError> {
        if self == Self::Classic {
            return Ok((classic::parse_one(input)?, None));
        }
        if input.starts_with('{') || input.ends_with('}') {
            return Err(MatcherError::Brace(input.to_owned()));
        }
        let modern = utf8::parse(input).and_then(only);
        if self == Self::Utf8Strict {
            return Ok((modern?, None));
        }
        let (matchers, warning) = fallback(
            input,
            modern.map(|matcher| vec![matcher]),
            classic::parse_one(input).map(|matcher| vec![matcher]),
        )?;
        Ok((only(matchers)?, warning))
    }
}

fn only(mut matchers: Vec<Matcher>) -> Result<Matcher, MatcherError> {
    match (matchers.pop(), matchers.len()) {
        (Some(matcher), 0) => Ok(matcher),
        (None, _) => Err(MatcherError::None),
        (Some(_), others) => Err(MatcherError::Several(others + 1)),
    }
}

type Parsed = Result<Vec<Matcher>, MatcherError>;

fn fallback(
    input: &str,
    modern: Parsed,
    classic: Parsed,
) -> Result<(Vec<Matcher>, Option<ParseWarning>), MatcherError> {
    match (modern, classic) {
        (Err(_), Err(error)) => Err(error),
        (Err(error), Ok(matchers)) => {
            let printed: Vec<String> = matchers.iter().map(ToString::to_string).collect();
            let warning = ParseWarning::Incompatible {
                input: input.to_owned(),
                error: error.to_string(),
                suggestion: printed.join(","),
            };
            Ok((matchers, Some(warning)))
        }
        (Ok(modern), Ok(classic)) if modern != classic => {
            let input = input.to_owned();
            Ok((classic, Some(ParseWarning::Disagreement { input })))
        }
        (Ok(modern), _) => Ok((modern, None)),
    }
}
