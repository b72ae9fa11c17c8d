//! Makes a witness smaller: series and labels that the result does not need go.

use std::collections::BTreeSet;

use skopos_core::labels::METRIC_NAME;

use crate::search::{Halt, Search};

/// Witnesses with more series are left as they are.
const MAX_SERIES: usize = 40;

impl Search<'_> {
    /// Drops what the result does not need.
    pub(crate) fn shrink(&mut self) -> Result<(), Halt> {
        if self.state.series.len() > MAX_SERIES {
            return Ok(());
        }
        let mut index = self.state.series.len();
        while index > 0 {
            index -= 1;
            let saved = self.state.clone();
            self.state.series.remove(index);
            if !self.has_result()? {
                self.state = saved;
            }
        }
        self.drop_labels()
    }

    fn drop_labels(&mut self) -> Result<(), Halt> {
        let all = self.state.series.iter().flat_map(|variable| variable.labels.iter());
        let names: BTreeSet<String> = all.map(|(name, _)| name.to_owned()).collect();
        for name in names {
            if name == METRIC_NAME || name == "le" || self.context.universe.is_mentioned(&name) {
                continue;
            }
            let everywhere: Vec<usize> = (0..self.state.series.len()).collect();
            if self.drop_label(&name, &everywhere)? {
                continue;
            }
            for index in everywhere {
                self.drop_label(&name, &[index])?;
            }
        }
        Ok(())
    }

    fn drop_label(&mut self, name: &str, indexes: &[usize]) -> Result<bool, Halt> {
        if indexes
            .iter()
            .all(|index| self.state.series[*index].labels.find(name).is_none())
        {
            return Ok(false);
        }
        let saved = self.state.clone();
        for index in indexes {
            let variable = &mut self.state.series[*index];
            variable.labels = variable.labels.without(&[name]);
            variable.changed();
        }
        let labels: BTreeSet<_> = self
            .state
            .series
            .iter()
            .map(|variable| variable.labels.clone())
            .collect();
        if labels.len() == self.state.series.len() && self.has_result()? {
            return Ok(true);
        }
        self.state = saved;
        Ok(false)
    }
}
