//! Command-line flags of Alertmanager, as scenarios give them.

use skopos_alertmanager::machine::Options;
use skopos_alertmanager::{LoadOptions, ParserMode};
use skopos_config::parse_duration;

/// What flags say.
#[derive(Debug, Clone, Default)]
pub(in crate::alertmanager) struct Flags {
    /// For the state machine.
    pub(in crate::alertmanager) options: Options,
    /// `--web.route-prefix`
    pub(in crate::alertmanager) route_prefix: String,
}

impl Flags {
    /// Reads flags; one that is not known is an error, as it would change what is tested.
    pub(in crate::alertmanager) fn read(flags: &[String]) -> Result<Self, String> {
        let mut read = Self::default();
        let mut words = flags.iter();
        while let Some(word) = words.next() {
            if let Some((name, value)) = word.split_once('=') {
                read.set(name, value)?;
            } else {
                let value = words.next().ok_or_else(|| format!("the flag {word} has no value"))?;
                read.set(word, value)?;
            }
        }
        Ok(read)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let duration_ms = || match parse_duration(value) {
            Ok(duration) => Ok(duration.as_millis() as i64),
            Err(error) => Err(format!("{name}: {error}")),
        };
        let count = || match value.parse::<usize>() {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(error) => Err(format!("{name}: {error}")),
        };
        let options = &mut self.options;
        match name {
            "--enable-feature" => {
                for feature in value.split(',') {
                    match feature {
                        "classic-mode" => options.parser_mode = ParserMode::Classic,
                        "utf8-strict-mode" => options.parser_mode = ParserMode::Utf8Strict,
                        "receiver-name-in-metrics" | "alert-names-in-metrics" | "group-key-in-metrics" => {}
                        other => return Err(format!("the feature {other:?} is not known")),
                    }
                }
            }
            "--data.retention" => options.retention_ms = duration_ms()?,
            "--data.maintenance-interval" => options.maintenance_interval_ms = duration_ms()?,
            "--alerts.gc-interval" => options.gc_interval_ms = duration_ms()?,
            "--dispatch.start-delay" => options.start_delay_ms = duration_ms()?,
            "--alerts.per-alertname-limit" => options.per_alertname_limit = count()?,
            "--silences.max-silences" => options.silence_limits.max_silences = count()?,
            "--silences.max-silence-size-bytes" => options.silence_limits.max_size_bytes = count()?,
            "--cluster.peer-timeout" => options.peer_timeout_ms = duration_ms()?,
            "--web.route-prefix" => value.clone_into(&mut self.route_prefix),
            "--web.external-url" => {
                let url = url::Url::parse(value).map_err(|error| format!("{name}: {error}"))?;
                url.path().trim_end_matches('/').clone_into(&mut self.route_prefix);
            }
            "--log.level" | "--log.format" | "--cluster.listen-address" | "--cluster.settle-timeout" => {}
            "--cluster.gossip-interval" | "--cluster.pushpull-interval" => {}
            other => return Err(format!("the flag {other} is not known")),
        }
        Ok(())
    }

    /// How a configuration is read.
    pub(in crate::alertmanager) fn load_options(&self) -> LoadOptions {
        LoadOptions {
            parser_mode: self.options.parser_mode,
            ..LoadOptions::default()
        }
    }
}
