//! The compose file: it is sound, starts every service of the system, and keeps telemetry as long as asked.

use skopos_fleet_dawsos::SYSTEM;
use skopos_fleet_testing::strings;

use crate::PACK;

#[test]
fn the_whole_system_is_started_and_kept_as_long_as_asked() {
    PACK.assert_compose_starts_the_system();
    let services = &PACK.document("compose.yaml")["services"];
    for service in SYSTEM.services {
        let environment = &services[service.name]["environment"];
        assert_eq!(environment["ERRORS_ALWAYS"], "true", "{}", service.name);
    }
    let skopos = strings(&services["skopos"]["command"]);
    for flag in [
        "--storage.retention.time=30d",
        "--storage.retention.traces=7d",
        "--storage.retention.traces.low-priority=1d",
    ] {
        assert!(skopos.contains(&flag), "{flag}");
    }
}

#[test]
fn keys_and_volumes_are_known() {
    PACK.assert_compose_is_sound(&[]);
}
