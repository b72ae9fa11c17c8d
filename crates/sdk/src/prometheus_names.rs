//! The meter's metrics under the names that the OpenTelemetry specification gives them on Prometheus.
//!
//! `opentelemetry-prometheus` writes `_total` behind a counter that ends so already and leaves out a unit that it does
//! not know; the specification's "OTLP metric points to Prometheus" says otherwise. This corrects what it collects.

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use crate::tasks::UNITS_BY_NAME;

/// Collects a registry that holds the exporter alone.
pub(crate) struct MeterCollector {
    exporter: Registry,
}

impl MeterCollector {
    pub(crate) fn new(exporter: Registry) -> Self {
        Self { exporter }
    }
}

impl Collector for MeterCollector {
    /// None beforehand: instruments come and go.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.exporter.gather();
        for family in &mut families {
            let name = family.name();
            if let Some(stem) = name.strip_suffix("_total_total") {
                family.set_name(format!("{stem}_total"));
            } else if let Some((_, full)) = UNITS_BY_NAME.iter().find(|(short, _)| *short == name) {
                family.set_name((*full).to_owned());
            }
        }
        families
    }
}
