//! Grafana's dashboard JSON: loading folders of files, finding what the page cannot show.
//!
//! ```text
//!   folder ─▶ files ─▶ JSON ─▶ Dashboard (identity, panels, warnings; the JSON as it came)
//! ```
//!
//! The JSON is kept as it is: rendering is the page's work. A broken file is a problem with file,
//! line and column, and never keeps the others from loading.

mod check;
mod dashboard;
mod load;

pub use dashboard::Dashboard;
pub use load::{DashboardStore, Problem};

#[cfg(test)]
mod tests;
