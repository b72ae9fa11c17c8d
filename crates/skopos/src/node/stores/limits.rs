//! What the metrics' store keeps and takes: by the flags, and over them by `storage` of the configuration
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/#tsdb>).

use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use skopos_config::StorageConfig;
use skopos_metrics::StoreLimits;

use crate::cli::serve::ServeArgs;

/// Limits of the flags and of the configuration.
#[derive(Debug)]
pub(super) struct MetricLimits {
    root: PathBuf,
    flags: StoreLimits,
    configured: Mutex<StorageConfig>,
}

impl MetricLimits {
    pub(super) fn new(args: &ServeArgs, configured: &StorageConfig) -> Self {
        Self {
            root: args.storage_path.clone(),
            flags: StoreLimits {
                retention: args.retention_metrics,
                retention_bytes: args.retention_metrics_bytes,
                out_of_order_window: args.out_of_order_window,
                ..StoreLimits::default()
            },
            configured: Mutex::new(configured.clone()),
        }
    }

    pub(super) fn configure(&self, configured: &StorageConfig) {
        configured.clone_into(&mut self.configured.lock());
    }

    /// What holds now.
    pub(super) fn in_force(&self) -> StoreLimits {
        limits(self.flags, &self.configured.lock(), || disk_bytes(&self.root))
    }
}

/// What the configuration says of `flags`; `disk_bytes` is asked where it says a share of the disk, which goes before a
/// size.
fn limits(flags: StoreLimits, configured: &StorageConfig, disk_bytes: impl Fn() -> Option<u64>) -> StoreLimits {
    let tsdb = &configured.tsdb;
    let share = tsdb.retention.percentage.filter(|share| *share > 0.0);
    let of_disk = share.and_then(|share| Some((disk_bytes()? as f64 * share / 100.0) as u64));
    let size = tsdb.retention.size.map(i64::unsigned_abs);
    let exemplars = configured.exemplars.as_ref();
    let window = Some(tsdb.out_of_order_time_window).filter(|window| *window > Duration::ZERO);
    StoreLimits {
        retention: tsdb.retention.time.unwrap_or(flags.retention),
        retention_bytes: of_disk.or(size).unwrap_or(flags.retention_bytes),
        out_of_order_window: window.unwrap_or(flags.out_of_order_window),
        // As there: none where the number is not above zero.
        max_exemplars: exemplars.map_or(flags.max_exemplars, |exemplars| {
            usize::try_from(exemplars.max_exemplars).unwrap_or(0)
        }),
    }
}

/// Size of the file system that a folder is on; `None` where it does not say.
fn disk_bytes(folder: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_blocks * stat.f_frsize)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use skopos_config::PrometheusConfig;

    use super::*;

    fn limits_of(text: &str) -> StoreLimits {
        let flags = StoreLimits {
            retention: Duration::from_hours(24),
            retention_bytes: 7,
            out_of_order_window: Duration::from_secs(5),
            max_exemplars: 3,
        };
        let config = PrometheusConfig::parse(text, Path::new("prometheus.yml")).expect(text);
        limits(flags, &config.storage, || Some(1000))
    }

    #[test]
    fn the_flags_hold_where_the_configuration_says_nothing() {
        let limits = limits_of("");
        assert_eq!(
            (limits.retention, limits.retention_bytes),
            (Duration::from_hours(24), 7)
        );
        assert_eq!(
            (limits.out_of_order_window, limits.max_exemplars),
            (Duration::from_secs(5), 3)
        );
    }

    #[test]
    fn the_configuration_goes_before_the_flags() {
        let limits = limits_of(
            "storage: {tsdb: {out_of_order_time_window: 30m, retention: {time: 2d, size: 1KB}}, exemplars: {max_exemplars: 9}}",
        );
        assert_eq!(
            (limits.retention, limits.retention_bytes),
            (Duration::from_hours(48), 1024)
        );
        assert_eq!(
            (limits.out_of_order_window, limits.max_exemplars),
            (Duration::from_mins(30), 9)
        );
        let none = limits_of("storage: {tsdb: {retention: {time: 0s, size: 0}}, exemplars: {max_exemplars: -1}}");
        assert_eq!(
            (none.retention, none.retention_bytes, none.max_exemplars),
            (Duration::ZERO, 0, 0)
        );
    }

    #[test]
    fn a_share_of_the_disk_goes_before_a_size() {
        let limits = limits_of("storage: {tsdb: {retention: {size: 1KB, percentage: 40}}}");
        assert_eq!(limits.retention_bytes, 400);
    }
}
