//! The objects for Kubernetes: each service runs, is found by one ServiceMonitor, and is watched by the pack's rules.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{Pack, list, strings};

/// The objects in the pack's folder `kubernetes`.
#[derive(Debug)]
pub struct Cluster {
    pack: Pack,
    objects: Vec<Value>,
}

impl Pack {
    /// Reads the objects for Kubernetes.
    pub fn cluster(&self) -> Cluster {
        let folder = self.path("kubernetes");
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = entries.map(|entry| entry.expect("the folder can be read").file_name());
        let objects = files.flat_map(|file| self.documents(&format!("kubernetes/{}", file.display())));
        Cluster {
            pack: *self,
            objects: objects.collect(),
        }
    }
}

impl Cluster {
    /// All objects of a kind.
    pub fn objects(&self, kind: &str) -> Vec<&Value> {
        self.objects.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The one object of this kind and name.
    pub fn object(&self, kind: &str, name: &str) -> &Value {
        let mut found = self.objects(kind);
        found.retain(|object| object["metadata"]["name"] == name);
        assert_eq!(found.len(), 1, "{kind} {name}");
        found[0]
    }

    /// The container that the service runs in.
    pub fn container(&self, service: &str) -> &Value {
        &self.object("Deployment", service)["spec"]["template"]["spec"]["containers"][0]
    }

    /// The one ServiceMonitor that finds the service; it asks the Service's port and names the job after the service.
    pub fn monitor(&self, service: &str) -> &Value {
        let front = self.object("Service", service);
        let labels = &front["metadata"]["labels"];
        let mut monitors = self.objects("ServiceMonitor");
        monitors.retain(|monitor| takes(&monitor["spec"]["selector"], labels));
        assert_eq!(monitors.len(), 1, "{service} is found by {monitors:?}");
        let spec = &monitors[0]["spec"];
        assert_eq!(spec["endpoints"][0]["port"], front["spec"]["ports"][0]["name"]);
        assert_eq!(labels[spec["jobLabel"].as_str().expect("a label's name")], service);
        monitors[0]
    }

    /// It has the alerts and recording rules of the pack, in one object.
    pub fn assert_has_the_rules(&self) {
        let groups = |file| list(&self.pack.document(file)["groups"]).to_vec();
        let expected = [groups("alerts.yml"), groups("recording_rules.yml")].concat();
        let objects = self.objects("PrometheusRule");
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0]["apiVersion"], "monitoring.coreos.com/v1");
        assert_eq!(objects[0]["spec"]["groups"], Value::Array(expected));
    }

    /// Each service has a Deployment that starts it on its port, a Service in front, and a [monitor](Self::monitor).
    pub fn assert_runs_each_service(&self) {
        for (name, port) in self.pack.services() {
            let container = self.container(name);
            let arguments = strings(&container["args"]);
            assert_eq!(arguments[..3], ["fleet", self.pack.system.name, name]);
            assert!(arguments.contains(&format!("0.0.0.0:{port}").as_str()), "{name}");
            assert_eq!(container["ports"][0], json!({ "name": "http", "containerPort": port }));
            let template = &self.object("Deployment", name)["spec"]["template"];
            let front = &self.object("Service", name)["spec"];
            assert_eq!(front["selector"], template["metadata"]["labels"], "{name}");
            assert_eq!(front["ports"][0]["name"], "http", "{name}");
            assert_eq!(front["ports"][0]["port"], port, "{name}");
            self.monitor(name);
        }
    }

    /// The jobs that the monitors give: what an endpoint is relabelled to, else what the Services that are found are called.
    pub fn jobs(&self) -> BTreeSet<&str> {
        let mut jobs = BTreeSet::new();
        for monitor in self.objects("ServiceMonitor") {
            for endpoint in list(&monitor["spec"]["endpoints"]) {
                jobs.extend(self.jobs_of(&monitor["spec"], endpoint));
            }
        }
        jobs
    }

    fn jobs_of<'a>(&'a self, spec: &'a Value, endpoint: &'a Value) -> Vec<&'a str> {
        let mut rules = endpoint["relabelings"].as_array().into_iter().flatten();
        if let Some(rule) = rules.find(|rule| rule["targetLabel"] == "job") {
            return vec![rule["replacement"].as_str().expect("a text")];
        }
        let namespaces = &spec["namespaceSelector"]["matchNames"];
        let mut services = self.objects("Service");
        services.retain(|service| {
            let metadata = &service["metadata"];
            let is_near = namespaces.is_null() || list(namespaces).contains(&metadata["namespace"]);
            let mut ports = list(&service["spec"]["ports"]).iter();
            is_near
                && takes(&spec["selector"], &metadata["labels"])
                && ports.any(|port| port["name"] == endpoint["port"])
        });
        let label = spec["jobLabel"].as_str().expect("a label's name");
        let jobs = services
            .into_iter()
            .map(|service| &service["metadata"]["labels"][label]);
        jobs.map(|job| job.as_str().expect("a job")).collect()
    }

    /// The monitors give every job of `prometheus.yml`, and so every one that an alert asks for.
    pub fn assert_gives_each_job(&self) {
        let (given, scraped) = (self.jobs(), self.pack.targets());
        for job in scraped.keys() {
            assert!(
                given.contains(job.as_str()),
                "no monitor gives the job {job}: {given:?}"
            );
        }
        for rule in self.pack.alerts() {
            for job in jobs_asked(rule["expr"].as_str().expect("an expression")) {
                assert!(given.contains(job), "{}: no monitor gives the job {job}", rule["alert"]);
            }
        }
    }

    /// The [monitor](Self::monitor) of a service selects all labels of its Service, so it finds no other.
    pub fn assert_monitors_find_one_service_each(&self) {
        for (name, _) in self.pack.services() {
            let selected = &self.monitor(name)["spec"]["selector"]["matchLabels"];
            assert_eq!(selected, &self.object("Service", name)["metadata"]["labels"]);
        }
    }
}

/// The jobs that an expression names, one by one or as alternatives.
fn jobs_asked(expression: &str) -> impl Iterator<Item = &str> {
    let matchers = expression.split("job=").skip(1);
    let texts = matchers.filter_map(|matcher| matcher.split('"').nth(1));
    texts.flat_map(|text| text.split('|'))
}

/// Whether a label selector takes these labels: `matchLabels`, and `NotIn` of `matchExpressions`.
pub fn takes(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let excluded = selector["matchExpressions"].as_array().into_iter().flatten();
    wanted.into_iter().all(|(name, value)| labels[name] == *value)
        && excluded.into_iter().all(|rule| {
            assert_eq!(rule["operator"], "NotIn");
            let label = &labels[rule["key"].as_str().expect("a label's name")];
            !list(&rule["values"]).contains(label)
        })
}
