//! Hand-made cases and properties; the published ones run in `skopos-conformance`.

use proptest::prelude::*;
use skopos_core::metric::MetricType;

use super::*;

fn samples(input: &str, format: Format) -> Result<Vec<(String, f64, Option<i64>)>, String> {
    let mut out = Vec::new();
    for entry in Parser::new(input.as_bytes(), format) {
        if let Entry::Sample(sample) = entry.map_err(|error| error.to_string())? {
            let labels = sample.labels().map_err(|error| error.to_string())?;
            let labels: skopos_core::Labels = labels.into_iter().collect();
            out.push((labels.to_string(), sample.value, sample.timestamp_ms));
        }
    }
    Ok(out)
}

#[test]
fn text_lines() {
    let input = "# HELP a A \\n line\n# TYPE a histogram\n\
                 a_bucket{le=\"1\",x=\"a\\\"b\"} 3 17\n  b   7\n{\"c.d\",e=\"f\"}\t+Inf\ng { h = \"i\" , } -1\nlast 1";
    assert_eq!(
        samples(input, Format::Text).expect("a good exposition"),
        [
            (r#"{__name__="a_bucket", le="1.0", x="a\"b"}"#.to_owned(), 3.0, Some(17)),
            (r#"{__name__="b"}"#.to_owned(), 7.0, None),
            (r#"{__name__="c.d", e="f"}"#.to_owned(), f64::INFINITY, None),
            (r#"{__name__="g", h="i"}"#.to_owned(), -1.0, None),
            (r#"{__name__="last"}"#.to_owned(), 1.0, None),
        ]
    );
}

#[test]
fn openmetrics_lines() {
    let input = "# TYPE a counter\n# UNIT a_seconds seconds\na_total{x=\"y\"} 1 1.5 # {t=\"1\"} 0.5 2\n# EOF\n";
    let entries: Vec<_> = Parser::new(input.as_bytes(), Format::OpenMetrics)
        .collect::<Result<_, _>>()
        .expect("a good exposition");
    let Some(Entry::Sample(sample)) = entries.last() else {
        panic!("the last entry is a sample")
    };
    assert_eq!((sample.value, sample.timestamp_ms), (1.0, Some(1500)));
    assert_eq!(sample.metric_type, MetricType::Counter);
    let exemplar = sample.exemplar.as_ref().expect("an exemplar");
    assert_eq!((exemplar.value, exemplar.timestamp_ms), (0.5, Some(2000)));
    assert_eq!(exemplar.labels().expect("good labels"), [("t".into(), "1".into())]);
    assert!(samples("a 1\n", Format::OpenMetrics).is_err(), "the end is missing");
    assert!(
        samples("a 1\n# EOF\nb 1", Format::OpenMetrics).is_err(),
        "data after the end"
    );
}

#[test]
fn errors_name_the_line() {
    let error = samples("a 1\nb{c} 1\n", Format::Text).expect_err("no value");
    assert!(error.contains("expected equal"), "{error}");
    let error = samples("a 1\nb x\nc 1\n", Format::Text).expect_err("no number");
    assert_eq!(error, "line 2: \"x\" is not a number");
}

#[test]
fn a_nan_is_never_a_staleness_marker() {
    let (_, value, _) = samples("a NaN", Format::Text).expect("a good exposition")[0];
    assert!(value.is_nan() && !skopos_core::sample::is_stale(value));
}

#[test]
fn what_is_written_reads_back() {
    let mut writer = TextWriter::new();
    writer
        .family("a", MetricType::Counter, "Line\nbreak and \\")
        .sample("a", [("x", "q\"\\\n"), ("b.c", "é")], 1.5, Some(7))
        .sample("d.e", [], f64::NEG_INFINITY, None);
    let text = writer.finish();
    assert_eq!(
        samples(&text, Format::Text).expect("own output"),
        [
            (
                "{__name__=\"a\", \"b.c\"=\"é\", x=\"q\\\"\\\\\\n\"}".to_owned(),
                1.5,
                Some(7)
            ),
            ("{__name__=\"d.e\"}".to_owned(), f64::NEG_INFINITY, None),
        ]
    );
    let Some(Ok(Entry::Metadata(MetadataText::Help { help, .. }))) = Parser::new(text.as_bytes(), Format::Text).next()
    else {
        panic!("the first line is HELP")
    };
    assert_eq!(help, "Line\nbreak and \\");
}

/// Reads everything there is; the number of label pairs keeps the work from being left out.
fn read_all(input: &[u8], format: Format) -> usize {
    let mut pairs = 0;
    for entry in Parser::new(input, format) {
        if let Ok(Entry::Sample(sample)) = entry {
            pairs += sample.labels().map_or(0, |labels| labels.len());
            pairs += sample
                .exemplar
                .map_or(0, |exemplar| exemplar.labels().map_or(0, |labels| labels.len()));
        }
    }
    pairs
}

proptest! {
    #[test]
    fn no_bytes_panic(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_all(&input, Format::Text);
        read_all(&input, Format::OpenMetrics);
    }

    #[test]
    fn no_mutation_panics(at in 0usize..160, byte in any::<u8>(), cut in 0usize..160) {
        let good = b"# HELP a_s b\n# TYPE a_s histogram\n# UNIT a_s s\na_s{b=\"c\\n\",\"d\"=\"e\"} 1 2 # {f=\"g\"} 3 4\n{\"h\"} 1\n# EOF\n";
        let mut input = good.to_vec();
        if let Some(place) = input.get_mut(at) {
            *place = byte;
        }
        read_all(&input, Format::Text);
        read_all(&input, Format::OpenMetrics);
        read_all(input.get(..cut).unwrap_or_default(), Format::OpenMetrics);
    }

    #[test]
    fn written_series_read_back(value in any::<f64>(), text in "\\PC*", name in "[a-z_][a-z0-9_.]*") {
        let mut writer = TextWriter::new();
        writer.sample(&name, [("l", text.as_str())], value, None);
        let written = writer.finish();
        let Some(Ok(Entry::Sample(sample))) = Parser::new(written.as_bytes(), Format::Text).next() else {
            panic!("{written:?}")
        };
        prop_assert!(sample.value == value || sample.value.is_nan() && value.is_nan());
        let labels = sample.labels().expect("own output");
        prop_assert_eq!(labels[0].1.as_ref(), name.as_str());
        prop_assert_eq!(labels[1].1.as_ref(), text.as_str());
    }
}
