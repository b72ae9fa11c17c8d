//! Grafana's dashboard JSON: loading folders of files, finding what the page cannot show.
//!
//! ```text
//!   folder ─▶ files ─▶ JSON ─▶ Dashboard (identity, panels, warnings; the JSON as it came)
//!                                  ▲
//!        QueryCheck (PromQL, LogQL)┘
//! ```
//!
//! The JSON is kept as it is: rendering is the page's work. A broken file is a problem with file,
//! line and column, and never keeps the others from loading. The query languages come in as a
//! closure; this crate knows none.

mod check;
mod dashboard;
mod load;
mod panel_query;
mod queries;
mod variables;

pub use check::DRAWN_PANELS;
pub use dashboard::Dashboard;
pub use load::{DashboardStore, Problem};
pub use panel_query::{Asker, PanelQuery};
pub use queries::{Language, QueryCheck};
pub use variables::fill_variables;

#[cfg(test)]
mod tests;
