//! The compose file: it is sound, and starts every service of the system and all that is scraped.

use std::collections::BTreeSet;

use skopos_fleet_testing::strings;

use crate::PACK;

#[test]
fn the_whole_system_is_started() {
    PACK.assert_compose_starts_the_system();
    let services = &PACK.document("compose.yaml")["services"];
    for job in PACK.scrape_jobs() {
        let job = job["job_name"].as_str().expect("a name");
        let opened_by_skopos = ["log-store", "trace-store"].contains(&job);
        assert!(opened_by_skopos || services[job].is_object(), "nobody serves {job}");
    }
    assert!(
        strings(&services["skopos"]["command"]).contains(&"--compat-ports"),
        "the log store and the trace store have ports of their own"
    );
}

#[test]
fn keys_and_volumes_are_known() {
    PACK.assert_compose_is_sound(&["pid", "privileged"]);
    let compose = PACK.document("compose.yaml");
    let top: BTreeSet<&str> = compose.as_object().expect("a map").keys().map(String::as_str).collect();
    assert_eq!(
        top,
        BTreeSet::from(["name", "services", "volumes", "x-beside", "x-service"])
    );
}
