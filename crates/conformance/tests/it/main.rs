//! The conformance suites as tests: one test per suite or file.

use skopos_conformance::{SUITES, Suite};

#[test]
fn suites_have_data() {
    for suite in SUITES {
        let data = suite.default_data();
        assert!(data.exists(), "{} is missing; set SKOPOS_SHARED", data.display());
        assert!(Suite::by_name(suite.name).is_some());
    }
}
