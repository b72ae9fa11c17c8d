//! The agents: each offers capabilities over HTTP, `POST /v1/agents/{agent}/{capability}`.
//!
//! ```text
//! ledger.positions  ledger.append     a chain of entries, each hashed with its predecessor
//! pricing.value     pricing.risk      over the pack that the executor names
//! macro.regime      macro.scenario    over monthly figures and a table of shocks
//! reports.render                      a table for people
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{Context, ProcessArgs, serve_http};

use self::api::Agents;
use self::economy::Economy;
use self::ledger::Ledger;
use self::pricing::Pricing;
use self::reports::Reports;
use crate::AGENTS;
use crate::addresses::PacksUrl;

mod api;
mod economy;
mod ledger;
mod pricing;
mod reports;
pub(crate) mod valuation;

/// Fault: reports are slow.
pub(crate) const REPORTS_SLOW: &str = "dawsos-reports-slow";
/// Fault: stress tests fail.
pub(crate) const SCENARIO_MISSING: &str = "dawsos-scenario-missing";
/// Fault: the pricing agent loses calls.
pub(crate) const PRICING_FLAKY: &str = "dawsos-pricing-flaky";

/// Longest time of fetching a pack.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Settings of the agents.
#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8031", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    packs: PacksUrl,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: AgentsArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    crate::run_service(AGENTS, &process, |context| serve(arguments, context))
}

async fn serve(arguments: AgentsArgs, context: Context) -> Result<(), FleetError> {
    let agents = Arc::new(Agents {
        ledger: Ledger::shipped()?,
        pricing: Pricing::new(
            crate::http_client(TIMEOUT)?,
            &arguments.packs.url,
            context.faults.get(PRICING_FLAKY),
        ),
        economy: Economy::shipped(context.faults.get(SCENARIO_MISSING))?,
        reports: Reports::new(context.faults.get(REPORTS_SLOW)),
    });
    let router = crate::router(&context, api::router(agents))?;
    serve_http(arguments.listen, router, context.stop).await
}
