//! What an `eval` expects besides its result: failure, annotations, order, a text.

use regex::Regex;

use super::script::RangeTimes;
use skopos_promql::notation::parse_quoted;

/// What a text must be like.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Any,
    Exactly(String),
    Matching(Regex),
}

impl Text {
    pub(super) fn is_met_by(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(expected) => expected == text,
            Self::Matching(regex) => regex.is_match(text),
        }
    }

    /// Reads `msg: …`, `regex: …` or nothing.
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(message) = text.strip_prefix("msg:") {
            return Ok(Self::Exactly(message.trim().to_owned()));
        }
        if let Some(pattern) = text.strip_prefix("regex:") {
            return Self::matching(pattern.trim());
        }
        if text.is_empty() {
            return Ok(Self::Any);
        }
        Err(format!("expected msg: or regex:, found {text:?}"))
    }

    pub(super) fn matching(pattern: &str) -> Result<Self, String> {
        Ok(Self::Matching(Regex::new(pattern).map_err(|error| error.to_string())?))
    }
}

/// What is said of one class of annotations.
#[derive(Debug, Clone, Default)]
pub(super) enum Annotations {
    #[default]
    Ignored,
    None,
    Each(Vec<Text>),
}

impl Annotations {
    fn expect(&mut self, text: Text) -> Result<(), String> {
        match self {
            Self::Ignored => *self = Self::Each(vec![text]),
            Self::Each(texts) => texts.push(text),
            Self::None => return Err("annotations are both expected and excluded".to_owned()),
        }
        Ok(())
    }

    fn exclude(&mut self) -> Result<(), String> {
        if matches!(self, Self::Each(_)) {
            return Err("annotations are both expected and excluded".to_owned());
        }
        *self = Self::None;
        Ok(())
    }
}

/// All that is expected besides the result.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectations {
    pub(super) fail: Option<Text>,
    pub(super) warnings: Annotations,
    pub(super) infos: Annotations,
    pub(super) ordered: bool,
    pub(super) string: Option<String>,
    pub(super) range_vector: Option<RangeTimes>,
}

impl Expectations {
    /// The expectation that the word after `eval_` stands for.
    pub(super) fn add_legacy(&mut self, word: &str) -> Result<(), String> {
        match word {
            "fail" => self.fail = Some(Text::Any),
            "warn" => self.warnings.expect(Text::Any)?,
            "info" => self.infos.expect(Text::Any)?,
            "ordered" => self.ordered = true,
            _ => return Err(format!("unknown command eval_{word}")),
        }
        Ok(())
    }

    /// Reads what follows `expect `.
    pub(super) fn add(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word {
            "fail" if self.fail.is_some() => return Err("failure is expected twice".to_owned()),
            "fail" => self.fail = Some(Text::parse(rest)?),
            "warn" => self.warnings.expect(Text::parse(rest)?)?,
            "info" => self.infos.expect(Text::parse(rest)?)?,
            "no_warn" => self.warnings.exclude()?,
            "no_info" => self.infos.exclude()?,
            "ordered" => self.ordered = true,
            "string" => self.string = Some(parse_quoted(rest.trim())?.0),
            "range" => {
                let times = rest.trim_start().strip_prefix("vector");
                self.range_vector = Some(RangeTimes::parse(times.unwrap_or_default().trim())?);
            }
            _ => return Err(format!("unknown expectation {word:?}")),
        }
        Ok(())
    }
}
