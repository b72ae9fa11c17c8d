//! What a push holds: families of series, with the grouping labels put on each.

use std::collections::BTreeMap;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricMetadata, MetricType, MetricValue};
use skopos_core::{Labels, LabelsBuilder};
use skopos_wire::exposition::{
    BodyFormat, ConvertClassic, Entry, Format, HistogramChoice, MetadataText, Parser, ProtobufEntry, ReadEnd,
    read_families,
};

/// Metrics that the gateway itself tells of each group.
pub(super) const OWN: [&str; 2] = ["push_time_seconds", "push_failure_time_seconds"];

/// A family of pushed metrics.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Family {
    pub(super) metric_type: MetricType,
    pub(super) help: String,
    /// Values by labels, the name included.
    pub(super) series: BTreeMap<Labels, f64>,
}

/// Families by name.
pub(super) type Families = BTreeMap<String, Family>;

/// Reads a body. An error is a text for the sender; nothing of the body is kept then.
pub(super) fn read(body: &[u8], format: BodyFormat, group: &Labels) -> Result<Families, String> {
    let mut reader = Reader {
        group,
        metadata: BTreeMap::new(),
        families: Families::new(),
    };
    match format {
        BodyFormat::Text(_) if body.is_empty() => {}
        BodyFormat::Text(format) => reader.text(body, format)?,
        BodyFormat::Protobuf => reader.protobuf(body)?,
    }
    reader.families.retain(|_, family| !family.series.is_empty());
    Ok(reader.families)
}

struct Reader<'a> {
    group: &'a Labels,
    metadata: BTreeMap<String, MetricMetadata>,
    families: Families,
}

impl Reader<'_> {
    fn text(&mut self, body: &[u8], format: Format) -> Result<(), String> {
        let mut parser = Parser::new(body, format);
        while let Some(entry) = parser.next() {
            match entry.map_err(|error| format!("text format parsing error in {error}"))? {
                Entry::Metadata(text) => self.describe(&text),
                Entry::Sample(sample) => {
                    let at_line = |error: &dyn std::fmt::Display| {
                        format!("text format parsing error in line {}: {error}", parser.line())
                    };
                    let pairs = sample.labels().map_err(|error| at_line(&error))?;
                    let labels: Labels = pairs.into_iter().collect();
                    self.add(&labels, sample.value, sample.timestamp_ms)?;
                }
            }
        }
        Ok(())
    }

    fn protobuf(&mut self, body: &[u8]) -> Result<(), String> {
        // Native histograms are not kept; what they count is.
        let choice = HistogramChoice {
            native: false,
            always_classic: true,
            convert: ConvertClassic::Off,
        };
        let read = read_families(body, choice, |entry| match entry {
            ProtobufEntry::Metadata(text) => {
                self.describe(&text);
                Ok(())
            }
            ProtobufEntry::Broken(error) => Err(error.to_string()),
            ProtobufEntry::Sample(sample) => {
                let pairs = sample.labels.iter().copied().chain(sample.extra);
                let labels: Labels = pairs.chain([(METRIC_NAME, sample.name)]).collect();
                match sample.value {
                    MetricValue::Float(value) => self.add(&labels, value, sample.timestamp_ms),
                    MetricValue::Histogram(_) => Err(format!("{labels} is a native histogram")),
                }
            }
        });
        read.map_err(|end| match end {
            ReadEnd::Broken(error) => format!("invalid protobuf: {error}"),
            ReadEnd::Invalid(reason) | ReadEnd::Refused(reason) => reason,
        })
    }

    fn describe(&mut self, text: &MetadataText<'_>) {
        let (MetadataText::Help { metric, .. } | MetadataText::Type { metric, .. } | MetadataText::Unit { metric, .. }) =
            text;
        let known = self
            .metadata
            .entry(metric.as_ref().to_owned())
            .or_insert_with(|| MetricMetadata {
                metric: metric.as_ref().to_owned(),
                metric_type: MetricType::Unknown,
                help: String::new(),
                unit: String::new(),
            });
        match text {
            MetadataText::Help { help, .. } => help.as_ref().clone_into(&mut known.help),
            MetadataText::Type { metric_type, .. } => known.metric_type = *metric_type,
            MetadataText::Unit { unit, .. } => unit.as_ref().clone_into(&mut known.unit),
        }
    }

    fn add(&mut self, labels: &Labels, value: f64, timestamp_ms: Option<i64>) -> Result<(), String> {
        if timestamp_ms.is_some() {
            return Err("pushed metrics must not have timestamps".to_owned());
        }
        let name = labels.metric_name();
        if OWN.contains(&name) {
            return Err(format!(
                "the metric {name} is told by the gateway itself and cannot be pushed"
            ));
        }
        let family = self.family_of(name).to_owned();
        let known = self.metadata.get(&family);
        let entry = self.families.entry(family).or_insert_with(|| Family {
            metric_type: known.map_or(MetricType::Unknown, |known| known.metric_type),
            help: known.map_or_else(String::new, |known| known.help.clone()),
            series: BTreeMap::new(),
        });
        let mut grouped = LabelsBuilder::from_labels(labels);
        for (name, text) in self.group {
            grouped.set(name, text);
        }
        let grouped = grouped.build();
        if let Some(repeated) = entry.series.insert(grouped, value) {
            return Err(format!(
                "{labels} is pushed twice, with the values {repeated} and {value}"
            ));
        }
        Ok(())
    }

    fn family_of<'n>(&self, name: &'n str) -> &'n str {
        let is_compound = |stem: &str| {
            let known = self.metadata.get(stem).map(|known| known.metric_type);
            matches!(
                known,
                Some(MetricType::Histogram | MetricType::GaugeHistogram | MetricType::Summary)
            )
        };
        let stems = ["_bucket", "_count", "_sum"].into_iter();
        let mut stems = stems.filter_map(|suffix| name.strip_suffix(suffix));
        stems.find(|stem| is_compound(stem)).unwrap_or(name)
    }
}
