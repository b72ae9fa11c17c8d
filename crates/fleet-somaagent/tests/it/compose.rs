//! The compose file, against the rules of the Compose specification that it uses, and what it starts.

use skopos_fleet_testing::strings;

use crate::PACK;

#[test]
fn the_file_follows_the_specification() {
    PACK.assert_compose_is_sound(&[]);
}

#[test]
fn all_services_and_the_traffic_are_started() {
    PACK.assert_compose_starts_the_system();
    let file = PACK.document("compose.yaml");
    let command = strings(&file["services"]["skopos"]["command"]);
    for argument in ["--storage.path=/data", "--pack=/packs/somaagent"] {
        assert!(
            command.contains(&argument),
            "{argument}: without it the server does not start as it should"
        );
    }
}

#[test]
fn grafana_finds_its_dashboards() {
    PACK.assert_grafana_finds_the_dashboards("./dashboards");
}
