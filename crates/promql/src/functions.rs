//! Functions by family. Each takes columns or windows and knows nothing of the store.

pub(crate) mod classic;
pub(crate) mod extended;
pub(crate) mod instant;
pub(crate) mod over_time;
pub(crate) mod plain_rate;
pub(crate) mod rate;
pub(crate) mod start;
