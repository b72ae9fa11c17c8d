//! Where the services that others ask are.

use clap::Args;

/// The address of the agents.
#[derive(Debug, Args)]
pub(crate) struct AgentsUrl {
    /// Where the agents are.
    #[arg(
        id = "agents",
        long = "agents",
        env = "DAWSOS_AGENTS_URL",
        default_value = "http://127.0.0.1:8031",
        value_name = "URL"
    )]
    pub(crate) url: String,
}

/// The address of the pricing packs.
#[derive(Debug, Args)]
pub(crate) struct PacksUrl {
    /// Where the pricing packs are.
    #[arg(
        id = "packs",
        long = "packs",
        env = "DAWSOS_PACKS_URL",
        default_value = "http://127.0.0.1:8032",
        value_name = "URL"
    )]
    pub(crate) url: String,
}
