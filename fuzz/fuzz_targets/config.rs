//! prometheus.yml: no text makes the reader panic, and what loads is printed to a text that loads to the same print.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use skopos_config::PrometheusConfig;

fuzz_target!(|text: &str| {
    let path = Path::new("prometheus.yml");
    let Ok(config) = PrometheusConfig::parse(text, path) else {
        return;
    };
    let printed = config.to_yaml();
    // Secrets are printed masked, so only what has none comes back whole; what the environment gave is printed as it came out,
    // and a dollar in it would be looked up again.
    if !printed.contains('$')
        && let Ok(again) = PrometheusConfig::parse(&printed, path)
    {
        assert_eq!(again.to_yaml(), printed, "{text:?}");
    }
});
