//! The reports agent: what the steps before have found, as a table for people.

use std::time::Duration;

use serde_json::{Value, json};
use skopos_fleet_frame::Fault;

use super::valuation::{Valuation, earlier};
use crate::invocation::Invocation;

/// Time of a report while the typesetter is slow.
const SLOW: Duration = Duration::from_millis(700);

#[derive(Debug)]
pub(super) struct Reports {
    slow: Fault,
}

impl Reports {
    pub(super) fn new(slow: Fault) -> Self {
        Self { slow }
    }

    /// A table of the positions where they are valued, else of whatever there is.
    pub(super) async fn render(&self, invocation: &Invocation) -> Value {
        if self.slow.is_on() {
            tokio::time::sleep(SLOW).await;
        }
        let text = match earlier::<Valuation>(&invocation.state, "valuation") {
            Ok(valuation) => table(&valuation),
            Err(_) => lines(invocation.state.iter().map(|(name, value)| format!("{name}: {value}"))),
        };
        json!({ "asof_date": invocation.pack.asof_date, "lines": text.lines().count(), "text": text })
    }
}

fn table(valuation: &Valuation) -> String {
    let positions = valuation.positions.iter().map(|position| {
        format!(
            "{:<8}{:>12.0}{:>16.2}{:>8.1} %",
            position.security,
            position.quantity,
            position.value,
            position.weight * 100.0
        )
    });
    let total = format!("{:<8}{:>28.2} {}", "total", valuation.total, valuation.base_currency);
    lines(positions.chain([total]))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::valuation::Valued;
    use super::*;

    #[test]
    fn every_position_has_its_line() {
        let position = Valued {
            security: "ALBA".into(),
            quantity: 130.0,
            currency: "USD".into(),
            value: 23_712.0,
            weight: 1.0,
        };
        let valuation = Valuation {
            base_currency: "USD".into(),
            total: 23_712.0,
            positions: vec![position],
        };
        let text = table(&valuation);
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.starts_with("ALBA") && text.contains("100.0 %") && text.contains("23712.00 USD"),
            "{text}"
        );
    }
}
