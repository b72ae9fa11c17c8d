//! Settings of downsampling: which old days are summed up in windows of time, and how long those
//! are kept.

use std::time::Duration;

use clap::Args;
use skopos_core::TenantId;
use skopos_metrics::DownsampleOptions;

use super::serve::{duration, tenant_duration};

/// Windows of five minutes and of an hour.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Storage")]
pub(crate) struct DownsampleArgs {
    /// Age at which a day of metrics gets windows of 5 minutes beside its samples, such as 40h; 0s makes none.
    /// Queries read them where samples are gone, or where they ask by max_source_resolution.
    #[arg(long = "storage.downsample.5m", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub(crate) after_5m: Duration,
    /// The same for windows of an hour, such as 10d.
    #[arg(long = "storage.downsample.1h", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub(crate) after_1h: Duration,
    /// How long windows of 5 minutes are kept, such as 90d; 0s keeps them for ever. As long as samples unless given.
    #[arg(long = "storage.retention.5m", value_name = "DURATION", value_parser = duration)]
    pub(crate) retention_5m: Option<Duration>,
    /// The same for windows of an hour, such as 2y.
    #[arg(long = "storage.retention.1h", value_name = "DURATION", value_parser = duration)]
    pub(crate) retention_1h: Option<Duration>,
    /// How long windows of 5 minutes of one tenant are kept; may be given for several. A tenant of
    /// storage.retention.tenant keeps them as long as its samples unless given.
    #[arg(long = "storage.retention.tenant.5m", value_name = "TENANT=DURATION", value_parser = tenant_duration)]
    pub(crate) tenants_5m: Vec<(TenantId, Duration)>,
    /// The same for windows of an hour.
    #[arg(long = "storage.retention.tenant.1h", value_name = "TENANT=DURATION", value_parser = tenant_duration)]
    pub(crate) tenants_1h: Vec<(TenantId, Duration)>,
}

impl DownsampleArgs {
    /// What the store is opened with.
    pub(crate) fn options(&self) -> Vec<DownsampleOptions> {
        let of = |resolution, after, retention, tenants: &[(TenantId, Duration)]| DownsampleOptions {
            retention,
            tenant_retention: tenants.iter().cloned().collect(),
            ..DownsampleOptions::new(resolution, after)
        };
        vec![
            of(
                Duration::from_mins(5),
                self.after_5m,
                self.retention_5m,
                &self.tenants_5m,
            ),
            of(
                Duration::from_hours(1),
                self.after_1h,
                self.retention_1h,
                &self.tenants_1h,
            ),
        ]
    }
}
