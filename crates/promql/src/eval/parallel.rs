//! The threads that share the work of queries over many series.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Fewest series for which work is shared among threads.
const PARALLEL_SERIES: usize = 64;
/// Fewest values that are looked at, each as often as it is: fewer take no longer than it takes to wake a thread.
const PARALLEL_VALUES: usize = 65_536;

/// Whether so much work is worth the wait for other threads.
pub(super) fn is_worth_sharing(series: usize, values: usize) -> bool {
    series >= PARALLEL_SERIES && values >= PARALLEL_VALUES
}

/// Most shares that work is cut into: more than there are threads, as one may be late or have the longer share.
pub(super) fn shares() -> usize {
    2 * pool().current_num_threads()
}

/// Runs work whose parallel iterators are to use the threads of queries. The caller waits, so few series are not worth it.
pub(super) fn in_parallel<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    pool().install(work)
}

fn pool() -> &'static ThreadPool {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| {
        ThreadPoolBuilder::new()
            .thread_name(|index| format!("promql-{index}"))
            .build()
            .expect("the operating system gives a process its first threads")
    })
}
