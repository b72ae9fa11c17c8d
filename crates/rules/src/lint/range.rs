//! Ranges that hold too few samples.

use skopos_promql::Expr;
use skopos_promql::duration::format_duration;

use super::{Check, Lint};

/// Functions that need two samples, and how many scrape intervals a range should span so that a
/// scrape may fail.
const NEEDS: [(&str, i64); 7] = [
    ("rate", 4),
    ("increase", 4),
    ("delta", 4),
    ("deriv", 4),
    ("predict_linear", 4),
    ("irate", 2),
    ("idelta", 2),
];

impl Check<'_> {
    pub(super) fn ranges(&mut self, expr: &Expr) {
        if let Expr::Call(call) = expr
            && let Some((name, intervals)) = NEEDS.iter().find(|(name, _)| *name == call.function.name)
            && let Some(Expr::Matrix(matrix)) = call.args.first()
            && matrix.range.expr.is_none()
        {
            let scrape_ms = self.options.scrape_interval_ms;
            let range_ms = matrix.range.ms;
            let is_recorded = matrix.selector.name.contains(':');
            if range_ms < intervals * scrape_ms && !is_recorded {
                let consequence = if range_ms < 2 * scrape_ms {
                    "it often holds fewer than the two samples that are needed, and gives nothing"
                } else {
                    "one scrape that fails or comes late leaves a gap"
                };
                let message = format!(
                    "{name} over {} with a scrape interval of {}: {consequence}; take at least {}",
                    format_duration(range_ms),
                    format_duration(scrape_ms),
                    format_duration(intervals * scrape_ms)
                );
                self.add_at(Lint::ShortRange, expr, message);
            }
        }
        for child in expr.children() {
            self.ranges(child);
        }
    }
}
