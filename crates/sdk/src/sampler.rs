//! Which root spans are kept: the sampler names of the OpenTelemetry specification and a rate per environment.

use opentelemetry_sdk::trace::Sampler;

use crate::SetupError;
use crate::settings::setting;

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
}

impl SamplerKind {
    /// The sampler of the SDK that does this.
    pub fn build(self) -> Sampler {
        match self {
            Self::AlwaysOn => Sampler::AlwaysOn,
            Self::AlwaysOff => Sampler::AlwaysOff,
            Self::Ratio(ratio) => Sampler::TraceIdRatioBased(ratio),
            Self::ParentBasedOn => Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
            Self::ParentBasedOff => Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
            Self::ParentBasedRatio(ratio) => Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))),
        }
    }
}

/// `OTEL_TRACES_SAMPLER` with its argument, else `TRACE_SAMPLE_RATE`, else the rate of the environment.
pub(crate) fn from_lookup(environment: &str, get: &impl Fn(&str) -> Option<String>) -> Result<SamplerKind, SetupError> {
    let default_ratio = match rate(get, "TRACE_SAMPLE_RATE")? {
        Some(ratio) => ratio,
        None => environment_ratio(environment),
    };
    let ratio = rate(get, "OTEL_TRACES_SAMPLER_ARG")?;
    let Some(name) = get("OTEL_TRACES_SAMPLER") else {
        return Ok(SamplerKind::ParentBasedRatio(ratio.unwrap_or(default_ratio)));
    };
    // The specification gives a ratio sampler without argument the ratio 1.
    let ratio = ratio.unwrap_or(1.0);
    match name.as_str() {
        "always_on" => Ok(SamplerKind::AlwaysOn),
        "always_off" => Ok(SamplerKind::AlwaysOff),
        "traceidratio" => Ok(SamplerKind::Ratio(ratio)),
        "parentbased_always_on" => Ok(SamplerKind::ParentBasedOn),
        "parentbased_always_off" => Ok(SamplerKind::ParentBasedOff),
        "parentbased_traceidratio" => Ok(SamplerKind::ParentBasedRatio(ratio)),
        _ => Err(setting(
            "OTEL_TRACES_SAMPLER",
            name,
            "always_on, always_off, traceidratio or parentbased_*",
        )),
    }
}

fn environment_ratio(environment: &str) -> f64 {
    match environment.to_ascii_lowercase().as_str() {
        "prod" | "production" => 0.1,
        "staging" | "stage" => 0.5,
        _ => 1.0,
    }
}

fn rate(get: &impl Fn(&str) -> Option<String>, name: &str) -> Result<Option<f64>, SetupError> {
    let Some(value) = get(name) else { return Ok(None) };
    match value.trim().parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Some(ratio)),
        _ => Err(setting(name, value, "a number from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &str, vars: &[(&str, &str)]) -> SamplerKind {
        from_lookup(environment, &|name| {
            vars.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned())
        })
        .expect("valid")
    }

    #[test]
    fn environment_decides_the_default_rate() {
        assert_eq!(read("LOCAL", &[]), SamplerKind::ParentBasedRatio(1.0));
        assert_eq!(read("staging", &[]), SamplerKind::ParentBasedRatio(0.5));
        assert_eq!(read("PROD", &[]), SamplerKind::ParentBasedRatio(0.1));
    }

    #[test]
    fn otel_names_beat_the_trace_sample_rate() {
        let vars = [
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("TRACE_SAMPLE_RATE", "0.9"),
        ];
        assert_eq!(read("PROD", &vars), SamplerKind::Ratio(0.25));
        assert_eq!(
            read("PROD", &[("TRACE_SAMPLE_RATE", "0.9")]),
            SamplerKind::ParentBasedRatio(0.9)
        );
    }
}
