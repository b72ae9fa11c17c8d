//! The query of a rule, parsed once when the rule is loaded.

use std::fmt;

use skopos_promql::{Expr, ParseOptions};

/// In which language a rule is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum QueryLanguage {
    /// Prometheus' language, over metrics.
    #[default]
    PromQl,
    /// Loki's language, over log lines.
    LogQl,
}

impl fmt::Display for QueryLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PromQl => "PromQL",
            Self::LogQl => "LogQL",
        })
    }
}

/// A query and what its language made of it.
#[derive(Debug, Clone)]
pub struct RuleQuery {
    text: String,
    body: QueryBody,
}

/// What a language made of a query.
#[derive(Debug, Clone)]
pub enum QueryBody {
    /// The tree of a PromQL expression.
    PromQl(Box<Expr>),
    /// A LogQL query that computes numbers.
    LogQl,
}

impl RuleQuery {
    /// Parses a query; `syntax` says which parts of PromQL may be used. The error is the
    /// language's own message.
    pub fn parse(text: &str, language: QueryLanguage, syntax: ParseOptions) -> Result<Self, String> {
        let body = match language {
            QueryLanguage::PromQl => {
                let expr = skopos_promql::parse_with(text, syntax).map_err(|error| error.to_string())?;
                QueryBody::PromQl(Box::new(expr))
            }
            QueryLanguage::LogQl => match skopos_logql::parse(text).map_err(|error| error.to_string())? {
                skopos_logql::ast::Expr::Metric(_) => QueryBody::LogQl,
                skopos_logql::ast::Expr::Log(_) => {
                    return Err("rule result is not a vector or scalar: \
                                the query selects log lines; count them, as in sum(count_over_time({…}[5m]))"
                        .to_owned());
                }
            },
        };
        Ok(Self {
            text: text.to_owned(),
            body,
        })
    }

    /// The query as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What its language made of it.
    pub fn body(&self) -> &QueryBody {
        &self.body
    }

    /// The tree, of a PromQL query.
    pub fn promql(&self) -> Option<&Expr> {
        match &self.body {
            QueryBody::PromQl(expr) => Some(expr),
            QueryBody::LogQl => None,
        }
    }
}
