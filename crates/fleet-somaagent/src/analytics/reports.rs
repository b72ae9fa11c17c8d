//! The questions that the analytics service answers: fixed statements over what was recorded.

use serde::{Deserialize, Serialize};

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// Its name in the path and in metrics.
    pub(super) name: &'static str,
    /// Columns subject, count, value; its one parameter is the time from which on events count.
    pub(super) statement: &'static str,
}

/// All questions.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "revenue-by-capsule",
        statement: "SELECT capsule, COUNT(*), SUM(cents) * 1.0 FROM purchase WHERE at_ms >= ?
                    GROUP BY capsule ORDER BY 3 DESC LIMIT 50",
    },
    Kind {
        name: "revenue-by-tenant",
        statement: "SELECT tenant, COUNT(*), SUM(cents) * 1.0 FROM purchase WHERE at_ms >= ?
                    GROUP BY tenant ORDER BY 3 DESC LIMIT 50",
    },
    Kind {
        name: "capsule-executions",
        statement: "SELECT subject, COUNT(*), AVG(duration_ms) FROM event WHERE kind = 'capsule' AND at_ms >= ?
                    GROUP BY subject ORDER BY 2 DESC LIMIT 50",
    },
    Kind {
        name: "workflow-success",
        statement: "SELECT subject, COUNT(*), AVG(outcome = 'success') FROM event
                    WHERE kind = 'workflow' AND at_ms >= ? GROUP BY subject ORDER BY 1 LIMIT 50",
    },
    Kind {
        name: "sales-by-minute",
        statement: "SELECT CAST(at_ms / 60000 AS TEXT), COUNT(*), SUM(cents) * 1.0 FROM purchase WHERE at_ms >= ?
                    GROUP BY 1 ORDER BY 1 DESC LIMIT 60",
    },
];

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) report: String,
    pub(super) rows: Vec<Row>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    /// A capsule, tenant or workflow, or minutes since the epoch.
    pub(super) subject: String,
    pub(super) count: i64,
    /// Cents, milliseconds or a share, as the question says.
    pub(super) value: f64,
}

pub(super) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
