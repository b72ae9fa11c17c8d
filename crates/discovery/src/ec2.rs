//! `ec2_sd_configs`: the instances of Amazon EC2, by its query API
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>).

mod api;
mod instance;

use std::collections::BTreeMap;
use std::time::Duration;

use skopos_config::TargetGroup;

use crate::discoveries::Setup;
use crate::error::DiscoveryError;
use crate::source::{Output, Refresh, Rhythm, refresh};
use api::Api;

const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);
const DEFAULT_PORT: u64 = 80;

/// Begins to ask.
pub(crate) fn start(setup: Setup, output: Output) {
    let rhythm = Rhythm {
        mechanism: "ec2",
        interval: setup.config.values().duration_or("refresh_interval", DEFAULT_INTERVAL),
    };
    tokio::spawn(refresh(move || Ec2Source::new(&setup), rhythm, output));
}

#[derive(Debug)]
struct Ec2Source {
    api: Api,
    filters: Vec<(String, String)>,
    port: u64,
    /// Ids of availability zones by name.
    zones: BTreeMap<String, String>,
}

impl Ec2Source {
    fn new(setup: &Setup) -> Result<Self, DiscoveryError> {
        let values = setup.config.values();
        let mut filters = Vec::new();
        for (index, filter) in values.list("filters").enumerate() {
            let name = format!("Filter.{}", index + 1);
            filters.push((format!("{name}.Name"), filter.text("name").to_owned()));
            for (position, value) in filter.texts("values").into_iter().enumerate() {
                filters.push((format!("{name}.Value.{}", position + 1), value.to_owned()));
            }
        }
        Ok(Self {
            api: Api::new(setup)?,
            filters,
            port: values.count_or("port", DEFAULT_PORT),
            zones: BTreeMap::new(),
        })
    }
}

impl Refresh for Ec2Source {
    async fn refresh(&mut self) -> Result<Vec<TargetGroup>, DiscoveryError> {
        let region = self.api.region().await?;
        if self.zones.is_empty() {
            // Instances are of use without the ids of their zones: the right to ask for them may lack.
            match self.api.call("DescribeAvailabilityZones", &[]).await {
                Ok(answer) => self.zones = instance::zones(&answer, &self.api.url())?,
                Err(error) => tracing::debug!(%error, "the ids of availability zones are not known"),
            }
        }
        let mut targets = Vec::new();
        let mut next = None;
        loop {
            let mut form = self.filters.clone();
            form.extend(next.take().map(|token| ("NextToken".to_owned(), token)));
            let answer = self.api.call("DescribeInstances", &form).await?;
            let page = instance::page(&answer, &self.api.url())?;
            targets.extend(page.targets(&region, self.port, &self.zones));
            next = page.next_token;
            if next.is_none() {
                return Ok(targets);
            }
        }
    }
}
