//! Metric requests in OTLP's JSON.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};

use super::{attributes, parse, resource, scope};
use crate::otlp::OtlpError;
use crate::otlp::node::Node;

const TEMPORALITIES: [&str; 3] = [
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

pub(in crate::otlp) fn metrics(body: &[u8]) -> Result<ExportMetricsServiceRequest, OtlpError> {
    let document = parse(body)?;
    let root = Node::root(&document)?;
    Ok(ExportMetricsServiceRequest {
        resource_metrics: root.list("resourceMetrics", resource_metrics)?,
    })
}

fn resource_metrics(node: &Node<'_>) -> Result<ResourceMetrics, OtlpError> {
    Ok(ResourceMetrics {
        resource: node.object("resource", resource)?,
        scope_metrics: node.list("scopeMetrics", |node| {
            Ok(ScopeMetrics {
                scope: node.object("scope", scope)?,
                metrics: node.list("metrics", metric)?,
                schema_url: node.text("schemaUrl")?,
            })
        })?,
        schema_url: node.text("schemaUrl")?,
    })
}

fn metric(node: &Node<'_>) -> Result<Metric, OtlpError> {
    Ok(Metric {
        name: node.text("name")?,
        description: node.text("description")?,
        unit: node.text("unit")?,
        metadata: node.list("metadata", super::key_value)?,
        data: data(node)?,
    })
}

fn data(node: &Node<'_>) -> Result<Option<Data>, OtlpError> {
    if let Some(gauge) = node.object("gauge", gauge)? {
        return Ok(Some(Data::Gauge(gauge)));
    }
    if let Some(sum) = node.object("sum", sum)? {
        return Ok(Some(Data::Sum(sum)));
    }
    if let Some(histogram) = node.object("histogram", histogram)? {
        return Ok(Some(Data::Histogram(histogram)));
    }
    if let Some(histogram) = node.object("exponentialHistogram", exponential_histogram)? {
        return Ok(Some(Data::ExponentialHistogram(histogram)));
    }
    Ok(node.object("summary", summary)?.map(Data::Summary))
}

fn gauge(node: &Node<'_>) -> Result<Gauge, OtlpError> {
    Ok(Gauge {
        data_points: node.list("dataPoints", number)?,
    })
}

fn sum(node: &Node<'_>) -> Result<Sum, OtlpError> {
    Ok(Sum {
        data_points: node.list("dataPoints", number)?,
        aggregation_temporality: node.enumeration("aggregationTemporality", &TEMPORALITIES)?,
        is_monotonic: node.flag("isMonotonic")?,
    })
}

fn histogram(node: &Node<'_>) -> Result<Histogram, OtlpError> {
    Ok(Histogram {
        data_points: node.list("dataPoints", histogram_point)?,
        aggregation_temporality: node.enumeration("aggregationTemporality", &TEMPORALITIES)?,
    })
}

fn exponential_histogram(node: &Node<'_>) -> Result<ExponentialHistogram, OtlpError> {
    Ok(ExponentialHistogram {
        data_points: node.list("dataPoints", exponential_point)?,
        aggregation_temporality: node.enumeration("aggregationTemporality", &TEMPORALITIES)?,
    })
}

fn summary(node: &Node<'_>) -> Result<Summary, OtlpError> {
    Ok(Summary {
        data_points: node.list("dataPoints", summary_point)?,
    })
}

fn number(node: &Node<'_>) -> Result<NumberDataPoint, OtlpError> {
    let value = match (node.double("asDouble")?, node.i64("asInt")?) {
        (Some(value), _) => Some(number_data_point::Value::AsDouble(value)),
        (None, value) => value.map(number_data_point::Value::AsInt),
    };
    Ok(NumberDataPoint {
        attributes: attributes(node)?,
        start_time_unix_nano: node.u64("startTimeUnixNano")?,
        time_unix_nano: node.u64("timeUnixNano")?,
        exemplars: node.list("exemplars", exemplar)?,
        flags: node.u32("flags")?,
        value,
    })
}

fn histogram_point(node: &Node<'_>) -> Result<HistogramDataPoint, OtlpError> {
    Ok(HistogramDataPoint {
        attributes: attributes(node)?,
        start_time_unix_nano: node.u64("startTimeUnixNano")?,
        time_unix_nano: node.u64("timeUnixNano")?,
        count: node.u64("count")?,
        sum: node.double("sum")?,
        bucket_counts: node.u64s("bucketCounts")?,
        explicit_bounds: node.doubles("explicitBounds")?,
        exemplars: node.list("exemplars", exemplar)?,
        flags: node.u32("flags")?,
        min: node.double("min")?,
        max: node.double("max")?,
    })
}

fn exponential_point(node: &Node<'_>) -> Result<ExponentialHistogramDataPoint, OtlpError> {
    Ok(ExponentialHistogramDataPoint {
        attributes: attributes(node)?,
        start_time_unix_nano: node.u64("startTimeUnixNano")?,
        time_unix_nano: node.u64("timeUnixNano")?,
        count: node.u64("count")?,
        sum: node.double("sum")?,
        scale: node.i32("scale")?,
        zero_count: node.u64("zeroCount")?,
        positive: node.object("positive", buckets)?,
        negative: node.object("negative", buckets)?,
        flags: node.u32("flags")?,
        exemplars: node.list("exemplars", exemplar)?,
        min: node.double("min")?,
        max: node.double("max")?,
        zero_threshold: node.double("zeroThreshold")?.unwrap_or(0.0),
    })
}

fn buckets(node: &Node<'_>) -> Result<Buckets, OtlpError> {
    Ok(Buckets {
        offset: node.i32("offset")?,
        bucket_counts: node.u64s("bucketCounts")?,
    })
}

fn summary_point(node: &Node<'_>) -> Result<SummaryDataPoint, OtlpError> {
    Ok(SummaryDataPoint {
        attributes: attributes(node)?,
        start_time_unix_nano: node.u64("startTimeUnixNano")?,
        time_unix_nano: node.u64("timeUnixNano")?,
        count: node.u64("count")?,
        sum: node.double("sum")?.unwrap_or(0.0),
        quantile_values: node.list("quantileValues", |node| {
            Ok(ValueAtQuantile {
                quantile: node.double("quantile")?.unwrap_or(0.0),
                value: node.double("value")?.unwrap_or(0.0),
            })
        })?,
        flags: node.u32("flags")?,
    })
}

fn exemplar(node: &Node<'_>) -> Result<Exemplar, OtlpError> {
    let value = match (node.double("asDouble")?, node.i64("asInt")?) {
        (Some(value), _) => Some(exemplar::Value::AsDouble(value)),
        (None, value) => value.map(exemplar::Value::AsInt),
    };
    Ok(Exemplar {
        filtered_attributes: node.list("filteredAttributes", super::key_value)?,
        time_unix_nano: node.u64("timeUnixNano")?,
        span_id: node.hex("spanId")?,
        trace_id: node.hex("traceId")?,
        value,
    })
}
