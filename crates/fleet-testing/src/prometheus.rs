//! What Prometheus reads of the pack: the jobs that are scraped and the alerts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{Pack, list};

impl Pack {
    /// The jobs of `prometheus.yml`.
    pub fn scrape_jobs(&self) -> Vec<Value> {
        list(&self.document("prometheus.yml")["scrape_configs"]).to_vec()
    }

    /// The targets of each job.
    pub fn targets(&self) -> BTreeMap<String, Value> {
        let mut targets = BTreeMap::new();
        for mut job in self.scrape_jobs() {
            let name = job["job_name"].as_str().expect("a name").to_owned();
            let first = targets.insert(name, job["static_configs"][0]["targets"].take());
            assert!(first.is_none(), "a job twice: {job}");
        }
        targets
    }

    /// Each service is scraped on its port, by a job of its name.
    pub fn assert_each_service_is_scraped(&self) {
        let targets = self.targets();
        for (name, port) in self.services() {
            assert_eq!(targets[name], json!([format!("localhost:{port}")]));
        }
    }

    /// The rules of `alerts.yml`.
    pub fn alerts(&self) -> Vec<Value> {
        let groups = &self.document("alerts.yml")["groups"];
        let rules = list(groups).iter().map(|group| list(&group["rules"]));
        rules.collect::<Vec<_>>().concat()
    }

    /// Each alert but the one that always fires is promised by a fault, and no fault promises another.
    pub fn assert_each_alert_has_a_fault(&self) {
        let rules = self.alerts();
        let names = rules.iter().filter_map(|rule| rule["alert"].as_str());
        let alerts: BTreeSet<&str> = names.filter(|name| *name != "Watchdog").collect();
        let faults = self.system.faults.iter();
        let promised: BTreeSet<&str> = faults.flat_map(|fault| fault.alerts).copied().collect();
        assert_eq!(promised, alerts);
    }
}
