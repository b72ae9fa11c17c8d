//! Which root spans are kept: the sampler names of the OpenTelemetry specification and a rate per environment.

use opentelemetry_sdk::trace::Sampler;

use crate::SetupError;
use crate::settings::{Variables, wrong};

mod adaptive;
mod ahead;
mod errors;
mod root;
mod skip;

pub(crate) use adaptive::AdaptiveSampler;
pub(crate) use ahead::{Ids, span_of_caller};
pub(crate) use errors::{KeepErrors, RecordUnsampled};
pub(crate) use root::RootSampler;
pub(crate) use skip::{SampledEvents, SkipUnsampled, UNSAMPLED_TARGET, is_bare};

/// A sampler as the settings name it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SamplerKind {
    /// Every span.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// A share of the traces, whatever the parent decided.
    Ratio(f64),
    /// The parent's decision; roots always.
    ParentBasedOn,
    /// The parent's decision; roots never.
    ParentBasedOff,
    /// The parent's decision; a share of the roots.
    ParentBasedRatio(f64),
    /// The parent's decision; of the roots about this many a second.
    ParentBasedAdaptive(f64),
}

impl SamplerKind {
    /// Whether a span within an unsampled one is never sampled.
    pub(crate) fn follows_parent(self) -> bool {
        !matches!(self, Self::AlwaysOn | Self::Ratio(_))
    }

    /// The sampler of the SDK that does this.
    pub(crate) fn build(self) -> RootSampler {
        let ratio = |ratio| Box::new(Sampler::TraceIdRatioBased(ratio));
        match self {
            Self::AlwaysOn => RootSampler::each(Sampler::AlwaysOn),
            Self::AlwaysOff => RootSampler::each(Sampler::AlwaysOff),
            Self::Ratio(share) => RootSampler::each(Sampler::TraceIdRatioBased(share)),
            Self::ParentBasedOn => RootSampler::parent_based(Box::new(Sampler::AlwaysOn)),
            Self::ParentBasedOff => RootSampler::parent_based(Box::new(Sampler::AlwaysOff)),
            Self::ParentBasedRatio(share) => RootSampler::parent_based(ratio(share)),
            Self::ParentBasedAdaptive(per_second) => {
                RootSampler::parent_based(Box::new(AdaptiveSampler::new(per_second)))
            }
        }
    }
}

/// `OTEL_TRACES_SAMPLER` with its argument, else `TRACE_SAMPLE_RATE` or `TRACES_SAMPLE_RATE`, else the rate of the
/// environment: 1.0 in development, 0.5 in staging, 0.1 in production.
pub(crate) fn read(environment: &str, variables: &Variables<'_>) -> Result<SamplerKind, SetupError> {
    let named = match variables.share("TRACE_SAMPLE_RATE")? {
        Some(share) => Some(share),
        None => variables.share("TRACES_SAMPLE_RATE")?,
    };
    let Some(name) = variables.get("OTEL_TRACES_SAMPLER") else {
        return Ok(SamplerKind::ParentBasedRatio(
            named.unwrap_or_else(|| environment_share(environment)),
        ));
    };
    // The specification gives a ratio sampler without argument the ratio 1.
    let ratio = || {
        let share = variables.share("OTEL_TRACES_SAMPLER_ARG")?;
        Ok::<f64, SetupError>(share.unwrap_or(1.0))
    };
    match name.to_ascii_lowercase().as_str() {
        "always_on" => Ok(SamplerKind::AlwaysOn),
        "always_off" => Ok(SamplerKind::AlwaysOff),
        "traceidratio" => Ok(SamplerKind::Ratio(ratio()?)),
        "parentbased_always_on" => Ok(SamplerKind::ParentBasedOn),
        "parentbased_always_off" => Ok(SamplerKind::ParentBasedOff),
        "parentbased_traceidratio" => Ok(SamplerKind::ParentBasedRatio(ratio()?)),
        "parentbased_adaptive" => per_second(variables).map(SamplerKind::ParentBasedAdaptive),
        _ => Err(wrong(
            "OTEL_TRACES_SAMPLER",
            name,
            "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, \
             parentbased_traceidratio or parentbased_adaptive",
        )),
    }
}

/// Roots a second of the adaptive sampler.
fn per_second(variables: &Variables<'_>) -> Result<f64, SetupError> {
    let name = "OTEL_TRACES_SAMPLER_ARG";
    let Some(value) = variables.get(name) else {
        return Ok(adaptive::DEFAULT_PER_SECOND);
    };
    match value.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err(wrong(name, value, "traces a second, a number above 0")),
    }
}

fn environment_share(environment: &str) -> f64 {
    match environment.to_ascii_lowercase().as_str() {
        "prod" | "production" => 0.1,
        "staging" | "stage" => 0.5,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(environment: &str, vars: &[(&str, &str)]) -> SamplerKind {
        let lookup = |name: &str| vars.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned());
        read(environment, &Variables::new(&lookup)).expect("valid")
    }

    #[test]
    fn environment_decides_the_default_rate() {
        for (environment, share) in [
            ("LOCAL", 1.0),
            ("development", 1.0),
            ("staging", 0.5),
            ("PROD", 0.1),
            ("production", 0.1),
        ] {
            assert_eq!(
                read_from(environment, &[]),
                SamplerKind::ParentBasedRatio(share),
                "{environment}"
            );
        }
    }

    #[test]
    fn otel_names_beat_the_trace_sample_rate() {
        let vars = [
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("TRACE_SAMPLE_RATE", "0.9"),
        ];
        assert_eq!(read_from("PROD", &vars), SamplerKind::Ratio(0.25));
        assert_eq!(
            read_from("PROD", &[("TRACE_SAMPLE_RATE", "0.9"), ("TRACES_SAMPLE_RATE", "0.2")]),
            SamplerKind::ParentBasedRatio(0.9)
        );
        assert_eq!(
            read_from("PROD", &[("TRACES_SAMPLE_RATE", "0.2")]),
            SamplerKind::ParentBasedRatio(0.2)
        );
    }

    #[test]
    fn the_argument_of_the_adaptive_sampler_is_a_rate() {
        let vars = [
            ("OTEL_TRACES_SAMPLER", "parentbased_adaptive"),
            ("OTEL_TRACES_SAMPLER_ARG", "25"),
        ];
        assert_eq!(read_from("PROD", &vars), SamplerKind::ParentBasedAdaptive(25.0));
    }
}
