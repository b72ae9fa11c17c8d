//! Lines of classic histograms gathered into native histograms with custom buckets
//! (`convert_classic_histograms_to_nhcb`; `NHCBParser` in Prometheus).
//!
//! The lines of a histogram stand together, so one is held at a time: it is given once a line comes
//! that is not of it. What a histogram is, its TYPE says.

use std::borrow::Cow;

use skopos_core::histogram::{BUCKET_LABEL, ClassicError, ClassicHistogram, ClassicPart, FloatHistogram};
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricType;

use super::labels::LabelPairs;
use super::parser::{Entry, ExemplarText, MetadataText, ParseError, Parser, Sample};
use crate::number::parse_float;

/// What becomes of the lines that a histogram is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassicLines {
    /// They are given too, before their histogram.
    Kept,
    /// The histogram takes their place.
    Replaced,
}

/// What the lines give.
#[derive(Debug, Clone, PartialEq)]
pub enum GatheredEntry<'a> {
    /// A line as it is.
    Line(Entry<'a>),
    /// A histogram of several lines.
    Histogram(Box<GatheredHistogram<'a>>),
    /// Lines that contradict one another make none.
    Broken(ClassicError),
}

/// A native histogram with custom buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct GatheredHistogram<'a> {
    /// Its labels, the metric name first, the others sorted; no `le`.
    pub pairs: LabelPairs<'a>,
    /// The histogram.
    pub histogram: FloatHistogram,
    /// Milliseconds since the Unix epoch, where the lines have a timestamp.
    pub timestamp_ms: Option<i64>,
    /// The exemplars of its buckets.
    pub exemplars: Vec<ExemplarText<'a>>,
    /// The first of its lines.
    pub first: Sample<'a>,
}

/// Entries up to the end or the first error, histograms gathered.
#[derive(Debug)]
pub struct Gatherer<'a> {
    parser: Parser<'a>,
    lines: ClassicLines,
    /// The family of the last TYPE line, if that says histogram.
    family: Option<Cow<'a, str>>,
    open: Option<Open<'a>>,
    /// The entry that ended a histogram.
    held: Option<GatheredEntry<'a>>,
}

/// The histogram whose lines are read.
#[derive(Debug)]
struct Open<'a> {
    identity: Identity<'a>,
    classic: ClassicHistogram,
    exemplars: Vec<ExemplarText<'a>>,
    first: Sample<'a>,
}

/// What the lines of one histogram have in common: labels without `le`, and the time.
#[derive(Debug, PartialEq)]
struct Identity<'a> {
    pairs: LabelPairs<'a>,
    timestamp_ms: Option<i64>,
}

impl<'a> Gatherer<'a> {
    /// Gathers what `parser` reads.
    pub fn new(parser: Parser<'a>, lines: ClassicLines) -> Self {
        Self {
            parser,
            lines,
            family: None,
            open: None,
            held: None,
        }
    }

    /// The line that was read last, from 1: for errors that a caller finds in an entry.
    pub fn line(&self) -> usize {
        self.parser.line()
    }

    fn sample(&mut self, sample: Sample<'a>) -> Option<GatheredEntry<'a>> {
        let line = self.family.as_ref().and_then(|family| read(family, &sample));
        let is_of_open = match (&self.open, &line) {
            (Some(open), Some((identity, _))) => open.identity == *identity,
            _ => false,
        };
        let ended = if is_of_open { None } else { self.end() };
        let given = match line {
            Some((identity, Some(part))) => self.take(identity, part, sample),
            _ => Some(GatheredEntry::Line(Entry::Sample(sample))),
        };
        self.in_turn(ended, given)
    }

    /// Takes a line of a histogram; gives it on where such lines are kept.
    fn take(&mut self, identity: Identity<'a>, part: ClassicPart, sample: Sample<'a>) -> Option<GatheredEntry<'a>> {
        let open = self.open.get_or_insert_with(|| Open {
            identity,
            classic: ClassicHistogram::default(),
            exemplars: Vec::new(),
            first: sample.clone(),
        });
        open.classic.set(part, sample.value);
        open.exemplars.extend(sample.exemplar.clone());
        (self.lines == ClassicLines::Kept).then_some(GatheredEntry::Line(Entry::Sample(sample)))
    }

    fn metadata(&mut self, text: MetadataText<'a>) -> Option<GatheredEntry<'a>> {
        let ended = self.end();
        if let MetadataText::Type { metric, metric_type } = &text {
            self.family = (*metric_type == MetricType::Histogram).then(|| metric.clone());
        }
        self.in_turn(ended, Some(GatheredEntry::Line(Entry::Metadata(text))))
    }

    /// Ends the open histogram.
    fn end(&mut self) -> Option<GatheredEntry<'a>> {
        let open = self.open.take()?;
        Some(match open.classic.convert() {
            Ok(histogram) => GatheredEntry::Histogram(Box::new(GatheredHistogram {
                pairs: open.identity.pairs,
                histogram,
                timestamp_ms: open.identity.timestamp_ms,
                exemplars: open.exemplars,
                first: open.first,
            })),
            Err(error) => GatheredEntry::Broken(error),
        })
    }

    /// Gives the first and holds the second until it is asked for.
    fn in_turn(
        &mut self,
        first: Option<GatheredEntry<'a>>,
        second: Option<GatheredEntry<'a>>,
    ) -> Option<GatheredEntry<'a>> {
        if first.is_none() {
            return second;
        }
        self.held = second;
        first
    }
}

impl<'a> Iterator for Gatherer<'a> {
    type Item = Result<GatheredEntry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(held) = self.held.take() {
            return Some(Ok(held));
        }
        loop {
            let entry = match self.parser.next() {
                None => return self.end().map(Ok),
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(Entry::Metadata(text))) => self.metadata(text),
                Some(Ok(Entry::Sample(sample))) => self.sample(sample),
            };
            if let Some(entry) = entry {
                return Some(Ok(entry));
            }
        }
    }
}

/// Which histogram of the family a line belongs to, and which part of it the line is. Labels that
/// do not read belong to none: who takes the line finds out.
fn read<'a>(family: &str, sample: &Sample<'a>) -> Option<(Identity<'a>, Option<ClassicPart>)> {
    let mut pairs = sample.labels().ok()?;
    let bound = pairs.iter().find(|(name, _)| name == BUCKET_LABEL);
    let bound = bound.and_then(|(_, bound)| parse_float(bound.as_bytes()));
    let (name, part) = match pairs.first() {
        Some((_, name)) => ClassicPart::of_series(name, bound).unwrap_or((name, None)),
        None => return None,
    };
    if name != family {
        return None;
    }
    let base = Cow::Owned(name.to_owned());
    pairs.retain(|(name, _)| name != BUCKET_LABEL && name != METRIC_NAME);
    pairs.sort_unstable();
    pairs.insert(0, (METRIC_NAME.into(), base));
    Some((
        Identity {
            pairs,
            timestamp_ms: sample.timestamp_ms,
        },
        part,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    /// Each entry as a line: a sample as it is, a histogram as its labels, time and counts.
    fn check(format: Format, lines: ClassicLines, body: &str, expect: &[&str]) {
        let gathered = Gatherer::new(Parser::new(body.as_bytes(), format), lines);
        let shown: Vec<String> = gathered
            .map(|entry| match entry.expect("the body parses") {
                GatheredEntry::Line(Entry::Metadata(MetadataText::Type { metric, .. })) => format!("type {metric}"),
                GatheredEntry::Line(Entry::Metadata(_)) => "metadata".to_owned(),
                GatheredEntry::Line(Entry::Sample(sample)) => String::from_utf8_lossy(sample.series).into_owned(),
                GatheredEntry::Broken(error) => format!("broken: {error}"),
                GatheredEntry::Histogram(h) => {
                    let labels: Vec<String> = h.pairs.iter().map(|(name, text)| format!("{name}={text}")).collect();
                    let time = h.timestamp_ms.map_or(String::new(), |time| format!(" @{time}"));
                    format!(
                        "{} {:?}<={:?} {}/{}{time} e{}",
                        labels.join(","),
                        h.histogram.positive_buckets,
                        h.histogram.custom_values,
                        h.histogram.count,
                        h.histogram.sum,
                        h.exemplars.len()
                    )
                }
            })
            .collect();
        assert_eq!(shown, expect, "{body}");
    }

    const BODY: &str = "# TYPE h histogram\n\
        h_bucket{b=\"2\",a=\"1\",le=\"1\"} 2\nh_bucket{a=\"1\",b=\"2\",le=\"+Inf\"} 3\nh_sum{b=\"2\",a=\"1\"} 4\nh_count{b=\"2\",a=\"1\"} 3\n\
        h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n# TYPE g gauge\ng_count 5\n";

    #[test]
    fn the_lines_of_a_histogram_become_one() {
        check(
            Format::Text,
            ClassicLines::Replaced,
            BODY,
            &[
                "type h",
                "__name__=h,a=1,b=2 [2.0, 1.0]<=[1.0] 3/4 e0",
                "__name__=h [1.0]<=[1.0] 1/1 e0",
                "type g",
                "g_count",
            ],
        );
    }

    #[test]
    fn kept_lines_come_before_their_histogram() {
        check(
            Format::Text,
            ClassicLines::Kept,
            "# TYPE h histogram\nh_count 1\nh_sum 1\nup 1\n",
            &["type h", "h_count", "h_sum", "__name__=h [1.0]<=[] 1/1 e0", "up"],
        );
    }

    #[test]
    fn openmetrics_has_exemplars_and_times_of_beginning() {
        check(
            Format::OpenMetrics,
            ClassicLines::Replaced,
            "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1 7 # {t=\"x\"} 0.5 6\nh_bucket{le=\"+Inf\"} 1 7\nh_count 1 7\nh_sum 0.5 7\n\
             h_created 3\n# EOF\n",
            &["type h", "__name__=h [1.0]<=[1.0] 1/0.5 @7000 e1", "h_created"],
        );
    }

    #[test]
    fn another_time_is_another_histogram() {
        check(
            Format::Text,
            ClassicLines::Replaced,
            "# TYPE h histogram\nh_count 1 5\nh_sum 1 5\nh_count 2 6\nh_sum 3 6\n",
            &[
                "type h",
                "__name__=h [1.0]<=[] 1/1 @5 e0",
                "__name__=h [2.0]<=[] 2/3 @6 e0",
            ],
        );
    }

    #[test]
    fn what_is_no_part_stays_a_line() {
        check(
            Format::Text,
            ClassicLines::Replaced,
            "h_count 1\n# TYPE h histogram\nh_count 2\nh_bucket{le=\"x\"} 1\nh 9\nh_sum 3\nother_count 4\n# TYPE s summary\ns_count 1\n",
            &[
                "h_count",
                "type h",
                "h_bucket{le=\"x\"}",
                "h",
                "__name__=h [2.0]<=[] 2/3 e0",
                "other_count",
                "type s",
                "s_count",
            ],
        );
    }

    #[test]
    fn broken_histograms_are_told() {
        check(
            Format::Text,
            ClassicLines::Replaced,
            "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 1\nh_count 2\n# TYPE i histogram\ni_sum 1\n",
            &[
                "type h",
                "broken: count is not cumulative: 1 < 2",
                "type i",
                "broken: count must be provided when no buckets are present",
            ],
        );
    }
}
