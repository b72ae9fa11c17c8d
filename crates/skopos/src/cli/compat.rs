//! Settings of the classic ports.

use std::net::SocketAddr;

use clap::Args;
use skopos_server::{CLASSIC_PORTS, ClassicAddress, ClassicApi, ClassicPort};

use super::serve::listen_address;

/// A system of the demo whose pack scrapes classic ports, and which.
const SCRAPED: (&str, [ClassicApi; 2]) = ("recommender", [ClassicApi::Loki, ClassicApi::JaegerAdmin]);

/// Settings of the classic ports.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Classic ports")]
pub(crate) struct CompatArgs {
    /// Serve each API on its classic port, too, at its root paths and on the host of --web.listen-address: 9093
    /// Alertmanager, 3100 Loki, 16686 Jaeger query, 14268 and 14250 Jaeger's collector (thrift over HTTP, gRPC), 14269
    /// Jaeger admin (health, metrics). A list opens these alone, as in --compat-ports=9093,3100. There are no Tempo
    /// (3200) and no Zipkin (9411): send OTLP.
    #[arg(
        long = "compat-ports",
        env = "SKOPOS_COMPAT_PORTS",
        value_name = "PORT",
        num_args = 0..,
        require_equals = true,
        default_missing_value = "all",
        value_delimiter = ',',
        value_parser = chosen
    )]
    pub(crate) ports: Vec<Chosen>,
    /// Address of the Alertmanager API alone, which it opens with or without --compat-ports.
    #[arg(long = "compat-ports.alertmanager-address", value_name = "HOST:PORT", value_parser = listen_address)]
    pub(crate) alertmanager_address: Option<SocketAddr>,
    /// The same of the Loki API.
    #[arg(long = "compat-ports.loki-address", value_name = "HOST:PORT", value_parser = listen_address)]
    pub(crate) loki_address: Option<SocketAddr>,
    /// The same of the Jaeger query API.
    #[arg(long = "compat-ports.jaeger-query-address", value_name = "HOST:PORT", value_parser = listen_address)]
    pub(crate) jaeger_query_address: Option<SocketAddr>,
    /// The same of Jaeger's collector over HTTP.
    #[arg(long = "compat-ports.jaeger-collector-address", value_name = "HOST:PORT", value_parser = listen_address)]
    pub(crate) jaeger_collector_address: Option<SocketAddr>,
    /// The same of Jaeger's collector over gRPC.
    #[arg(long = "compat-ports.jaeger-grpc-address", value_name = "HOST:PORT", value_parser = listen_address)]
    pub(crate) jaeger_grpc_address: Option<SocketAddr>,
    /// The same of the Jaeger admin port.
    #[arg(long = "compat-ports.jaeger-admin-address", value_name = "HOST:PORT", value_parser = listen_address)]
    pub(crate) jaeger_admin_address: Option<SocketAddr>,
}

/// What `--compat-ports` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// All of them.
    All,
    /// One of them.
    One(ClassicApi),
}

impl CompatArgs {
    /// Opens the ports that packs of these systems scrape, beside those that are asked for: the recommender's pack has
    /// the log store at :3100 and the trace store at :14269, which Skopos is in the demo.
    pub(crate) fn open_scraped_by<'a>(&mut self, systems: impl IntoIterator<Item = &'a str>) {
        let (system, apis) = SCRAPED;
        if systems.into_iter().any(|chosen| chosen == system) {
            self.ports.extend(apis.map(Chosen::One));
        }
    }

    /// What is to be opened where. `web` is the address of the page.
    pub(crate) fn addresses(&self, web: SocketAddr) -> Vec<OpenPort> {
        let open = CLASSIC_PORTS.iter().filter_map(|port| {
            let chosen = [Chosen::All, Chosen::One(port.api)];
            let of_old = chosen.iter().any(|chosen| self.ports.contains(chosen));
            let of_old = of_old.then(|| SocketAddr::new(web.ip(), port.port));
            let address = self.address_of(port).or(of_old)?;
            Some(OpenPort { api: port.api, address })
        });
        open.collect()
    }

    fn address_of(&self, port: &ClassicPort) -> Option<SocketAddr> {
        match port.api {
            ClassicApi::Alertmanager => self.alertmanager_address,
            ClassicApi::Loki => self.loki_address,
            ClassicApi::JaegerQuery => self.jaeger_query_address,
            ClassicApi::JaegerCollector => self.jaeger_collector_address,
            ClassicApi::JaegerGrpc => self.jaeger_grpc_address,
            ClassicApi::JaegerAdmin => self.jaeger_admin_address,
        }
    }
}

/// A classic port and where it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenPort {
    /// What is served.
    pub(crate) api: ClassicApi,
    /// Where.
    pub(crate) address: SocketAddr,
}

impl From<OpenPort> for ClassicAddress {
    fn from(open: OpenPort) -> Self {
        Self {
            api: open.api,
            address: open.address.to_string(),
        }
    }
}

fn chosen(text: &str) -> Result<Chosen, String> {
    let is_meant = |port: &&ClassicPort| port.name == text || port.port.to_string() == text;
    match CLASSIC_PORTS.iter().find(is_meant) {
        Some(port) => Ok(Chosen::One(port.api)),
        None if text == "all" => Ok(Chosen::All),
        None => {
            let known = CLASSIC_PORTS
                .iter()
                .map(|port| format!("{} ({})", port.port, port.name));
            let known: Vec<String> = known.collect();
            Err(format!("there is no such port; there are all, {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "127.0.0.2:9090";

    fn open(args: &CompatArgs) -> Vec<String> {
        let open = args.addresses(WEB.parse().expect("an address"));
        open.iter().map(|open| open.address.to_string()).collect()
    }

    #[test]
    fn ports_are_chosen_by_number_name_and_address() {
        let mut args = CompatArgs::default();
        assert!(open(&args).is_empty());
        args.loki_address = Some("127.0.0.1:0".parse().expect("an address"));
        assert_eq!(open(&args), ["127.0.0.1:0"]);
        args.ports = vec![chosen("9093").expect("a port")];
        assert_eq!(open(&args), ["127.0.0.2:9093", "127.0.0.1:0"]);
        args.ports = vec![chosen("all").expect("all")];
        assert_eq!(open(&args).len(), CLASSIC_PORTS.len());
        assert!(chosen("9411").expect_err("no Zipkin").contains("16686 (jaeger-query)"));
    }

    #[test]
    fn the_demo_opens_what_the_recommenders_pack_scrapes() {
        let mut args = CompatArgs::default();
        args.open_scraped_by(["somaagent01"]);
        assert!(open(&args).is_empty());
        args.open_scraped_by(["somaagent01", "recommender"]);
        assert_eq!(open(&args), ["127.0.0.2:3100", "127.0.0.2:14269"]);
    }
}
