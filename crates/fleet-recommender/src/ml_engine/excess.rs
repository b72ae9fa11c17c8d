//! Faults of the process itself: memory that grows to its limit, and a search for better settings that never ends.

use std::time::{Duration, Instant};

use skopos_fleet_frame::Fault;
use tokio_util::sync::CancellationToken;

use super::training::TrainingData;
use crate::catalog::TENANTS;

/// How often the memory is looked at.
const MEMORY_TICK: Duration = Duration::from_secs(1);
/// What is allocated at one time.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Share of the limit that the leak fills.
const LEAK_SHARE: f64 = 0.93;
/// Share of its processor limit that the search takes.
const SEARCH_SHARE: f64 = 0.96;
/// Pause of the search while it is ahead of its share.
const SEARCH_PAUSE: Duration = Duration::from_millis(20);
const IDLE_PAUSE: Duration = Duration::from_millis(500);

/// Keeps buffers while the fault is on, until the process is near its limit; gives them back when it is off.
pub(super) async fn leak(fault: Fault, limit_bytes: u64, stop: CancellationToken) {
    let wanted = (limit_bytes as f64 * LEAK_SHARE) as u64;
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut tick = tokio::time::interval(MEMORY_TICK);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if !fault.is_on() {
            kept = Vec::new();
            continue;
        }
        let missing = wanted.saturating_sub(resident_bytes());
        // Written to, so that the pages are really there.
        kept.extend((0..missing / CHUNK_BYTES as u64).map(|_| vec![1; CHUNK_BYTES]));
        tracing::warn!(buffers = kept.len(), "buffers of finished jobs are kept");
    }
}

fn resident_bytes() -> u64 {
    let statm = procfs::process::Process::myself().and_then(|process| process.statm());
    // Where it cannot be read nothing is missing, and nothing is allocated.
    statm.map_or(u64::MAX, |statm| statm.resident * procfs::page_size())
}

/// Trains model after model while the fault is on, as fast as the share of the limit allows. Blocks its thread.
pub(super) fn search_settings(fault: &Fault, limit_cores: f64, stop: &CancellationToken) {
    let mut seed = 0;
    let mut began: Option<(Instant, Duration)> = None;
    while !stop.is_cancelled() {
        if !fault.is_on() {
            began = None;
            std::thread::sleep(IDLE_PAUSE);
            continue;
        }
        let (start, used_before) = *began.get_or_insert_with(|| (Instant::now(), processor_time()));
        let allowed = start.elapsed().mul_f64(limit_cores * SEARCH_SHARE);
        if processor_time().saturating_sub(used_before) > allowed {
            std::thread::sleep(SEARCH_PAUSE);
            continue;
        }
        seed += 1;
        let trained = TrainingData::gather(&TENANTS[seed as usize % TENANTS.len()], &[]).train(seed);
        if let Err(error) = trained {
            tracing::debug!(%error, seed, "settings that do not converge");
        }
    }
}

/// Processor time of this process so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
