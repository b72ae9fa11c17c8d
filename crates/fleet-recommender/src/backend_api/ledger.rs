//! The ledger of billable events: PostgreSQL where it is there, else a SQLite file whose lines are moved over later.
//!
//! Revenue is the sum of the prices of recorded events: a metric moves when its line is committed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skopos_fleet_frame::Fault;
use tokio_util::sync::CancellationToken;

use super::accounts::Accounts;
use super::ledger_store::{Entry, LedgerStore, Sum};
use super::metrics::BackendMetrics;
use crate::catalog::{self, Billable, Tenant};

/// How often PostgreSQL is asked how it is.
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// The ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    main: Option<LedgerStore>,
    is_main_up: AtomicBool,
    local: LedgerStore,
    metrics: BackendMetrics,
    read_only: Fault,
}

impl Ledger {
    /// `url` of PostgreSQL, empty where there is to be none; `file` of SQLite. What the file holds is counted.
    pub(super) async fn open(url: &str, file: &Path, metrics: BackendMetrics, read_only: Fault) -> sqlx::Result<Self> {
        let local = LedgerStore::new(&format!("sqlite://{}?mode=rwc", file.display()))?;
        local.prepare().await?;
        metrics.store_up("postgres", false);
        let ledger = Self {
            main: (!url.is_empty()).then(|| LedgerStore::new(url)).transpose()?,
            is_main_up: AtomicBool::new(false),
            local,
            metrics,
            read_only,
        };
        ledger.count(&ledger.local.sums().await?);
        Ok(ledger)
    }

    fn count(&self, sums: &[Sum]) {
        for sum in sums {
            self.metrics.billed(sum.tenant.id, sum.billable, sum.events, sum.micros);
        }
    }

    /// Records one event at the price of the tenant's plan.
    pub(super) async fn record(&self, tenant: &'static Tenant, billable: Billable) -> sqlx::Result<()> {
        let entry = Entry {
            id: uuid::Uuid::now_v7().to_string(),
            tenant_id: tenant.id.to_owned(),
            kind: billable.name().to_owned(),
            price_micros: tenant.plan.price_micros(billable),
            at_ms: now_ms(),
        };
        self.write(&entry).await?;
        self.metrics.billed(tenant.id, billable, 1, entry.price_micros);
        Ok(())
    }

    async fn write(&self, entry: &Entry) -> sqlx::Result<()> {
        let is_read_only = self.read_only.is_on();
        if let Some(main) = self.main_in_use() {
            match main.insert(entry, is_read_only).await {
                Err(error) if !is_read_only => {
                    tracing::warn!(
                        error = &error as &(dyn std::error::Error + 'static),
                        "the ledger is written to the local file"
                    );
                    self.is_main_up.store(false, Ordering::Relaxed);
                }
                written => return written,
            }
        }
        self.local.insert(entry, is_read_only).await
    }

    fn main_in_use(&self) -> Option<&LedgerStore> {
        self.main.as_ref().filter(|_| self.is_main_up.load(Ordering::Relaxed))
    }

    /// Notes a customer where the ledger is.
    pub(super) async fn open_account(&self, tenant: &Tenant) -> sqlx::Result<()> {
        if let Some(main) = self.main_in_use()
            && let Err(error) = main.open_account(tenant.id, now_ms()).await
        {
            tracing::warn!(
                error = &error as &(dyn std::error::Error + 'static),
                tenant_id = tenant.id,
                "the account is noted in the local file alone"
            );
        }
        self.local.open_account(tenant.id, now_ms()).await
    }

    /// What the tenant's events come to, over both stores.
    pub(super) async fn usage(&self, tenant: &Tenant) -> sqlx::Result<Vec<Sum>> {
        let mut sums = self.local.sums().await?;
        if let Some(main) = self.main_in_use() {
            sums.extend(main.sums().await?);
        }
        sums.retain(|sum| sum.tenant == tenant);
        Ok(sums)
    }

    /// Looks after PostgreSQL until told to stop: makes the tables, counts what earlier runs recorded, moves over what
    /// was written to the file meanwhile.
    pub(super) async fn keep_connected(&self, accounts: &Arc<Accounts>, stop: CancellationToken) {
        let Some(main) = &self.main else { return };
        let (mut is_known, mut was_up) = (false, true);
        while !stop.is_cancelled() {
            let result = self.look(main, accounts, &mut is_known).await;
            let is_up = result.is_ok();
            self.is_main_up.store(is_up, Ordering::Relaxed);
            self.metrics.store_up("postgres", is_up);
            if let Err(error) = result
                && was_up
            {
                tracing::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "postgres is away: the ledger is a local file until it is back"
                );
            } else if is_up && !was_up {
                tracing::info!("postgres is in use");
            }
            was_up = is_up;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_PAUSE) => {}
            }
        }
    }

    async fn look(&self, main: &LedgerStore, accounts: &Arc<Accounts>, is_known: &mut bool) -> sqlx::Result<()> {
        main.ping().await?;
        if !*is_known {
            main.prepare().await?;
            self.count(&main.sums().await?);
            for id in main.accounts().await? {
                if let Some(tenant) = catalog::find(&id) {
                    accounts.open(tenant);
                }
            }
            *is_known = true;
        }
        for entry in self.local.some().await? {
            main.insert(&entry, false).await?;
            self.local.delete(&entry.id).await?;
        }
        Ok(())
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TENANTS;

    fn metrics() -> (BackendMetrics, prometheus::Registry) {
        let registry = prometheus::Registry::new();
        (BackendMetrics::register(&registry).expect("a new registry"), registry)
    }

    fn value(registry: &prometheus::Registry, series: &str) -> f64 {
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
        let text = text.expect("it encodes");
        let found = text.lines().find_map(|line| line.strip_prefix(series));
        found.map_or(0.0, |value| value.trim().parse().expect("a number"))
    }

    #[tokio::test]
    async fn revenue_is_the_sum_of_the_recorded_prices_also_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ledger.db");
        let tenant = catalog::find("pixel-games").expect("listed");
        let (first, registry) = metrics();
        let ledger = Ledger::open("", &file, first, Fault::default())
            .await
            .expect("a new file");
        for billable in [
            Billable::Recommendations,
            Billable::Recommendations,
            Billable::SimilarItems,
        ] {
            ledger.record(tenant, billable).await.expect("writable");
        }
        let revenue = "revenue_usd_total{tenant_id=\"pixel-games\"}";
        assert!((value(&registry, revenue) - 0.003).abs() < 1e-12);
        let sums = ledger.usage(tenant).await.expect("readable");
        assert_eq!(sums.iter().map(|sum| sum.micros).sum::<i64>(), 3000);
        assert!(ledger.usage(&TENANTS[0]).await.expect("readable").is_empty());
        drop(ledger);
        let (again, registry) = metrics();
        Ledger::open("", &file, again, Fault::default())
            .await
            .expect("the same file");
        assert!((value(&registry, revenue) - 0.003).abs() < 1e-12);
        let events = "billable_events_total{kind=\"recommendations\",tenant_id=\"pixel-games\"}";
        assert_eq!(value(&registry, events), 2.0);
    }

    #[tokio::test]
    async fn what_is_not_recorded_is_not_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let (metrics, registry) = metrics();
        let read_only = Fault::default();
        let ledger = Ledger::open("", &folder.path().join("l.db"), metrics, read_only.clone())
            .await
            .expect("a new file");
        read_only.set(true);
        let refused = ledger.record(&TENANTS[0], Billable::Recommendations).await;
        assert!(refused.expect_err("read-only").to_string().contains("readonly"));
        assert_eq!(value(&registry, "revenue_usd_total{tenant_id=\"acme-video\"}"), 0.0);
        read_only.set(false);
        ledger
            .record(&TENANTS[0], Billable::Recommendations)
            .await
            .expect("writable again");
        assert!((value(&registry, "revenue_usd_total{tenant_id=\"acme-video\"}") - 0.0008).abs() < 1e-12);
    }

    #[tokio::test]
    async fn lines_of_the_file_move_to_the_main_store_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("main.db").display());
        let (metrics, registry) = metrics();
        let accounts = Arc::new(Accounts::new(metrics.clone()));
        let ledger = Ledger::open(&url, &folder.path().join("local.db"), metrics, Fault::default())
            .await
            .expect("new files");
        let tenant = &TENANTS[1];
        ledger.record(tenant, Billable::Interactions).await.expect("writable");
        let main = ledger.main.as_ref().expect("configured");
        let mut is_known = false;
        for _ in 0..2 {
            ledger.look(main, &accounts, &mut is_known).await.expect("it answers");
        }
        assert!(ledger.local.some().await.expect("readable").is_empty());
        assert_eq!(main.sums().await.expect("readable")[0].events, 1);
        ledger.is_main_up.store(true, Ordering::Relaxed);
        ledger.record(tenant, Billable::Interactions).await.expect("writable");
        assert_eq!(main.sums().await.expect("readable")[0].events, 2);
        let events = "billable_events_total{kind=\"interactions\",tenant_id=\"nordic-books\"}";
        assert_eq!(value(&registry, events), 2.0);
    }
}
