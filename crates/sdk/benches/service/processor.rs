//! One processor for the server and one for the client, so that the scheduler's choices are not measured.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Of the processors that this program may use, which one is the client's and which the server's.
pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

/// Keeps this thread, and those it starts, to its processor. Where there is but one, nothing changes.
pub(crate) fn keep_to(which: usize) {
    let allowed = sched_getaffinity(None).expect("Linux");
    let mut mine = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    let Some(chosen) = mine.nth(which) else {
        return;
    };
    let mut only = CpuSet::new();
    only.set(chosen);
    sched_setaffinity(None, &only).expect("a processor that is allowed");
}
