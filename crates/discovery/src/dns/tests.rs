//! Names asked of a server on a port of this machine.

use std::path::Path;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SRV};
use hickory_resolver::proto::rr::{Name, Record};
use skopos_config::PrometheusConfig;
use tokio::net::UdpSocket;

use super::*;

/// What the server knows.
fn records(name: &str, record: RecordType) -> Option<Vec<RData>> {
    let host = |name: &str| Name::from_ascii(name).expect("a name");
    Some(match (name, record) {
        ("_web._tcp.example.", RecordType::SRV) => vec![
            RData::SRV(SRV::new(1, 1, 9101, host("b.example."))),
            RData::SRV(SRV::new(1, 1, 9100, host("a.example."))),
        ],
        ("a.example.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 1))],
        ("alias.example.", RecordType::A) => {
            vec![RData::CNAME(CNAME(host("a.example."))), RData::A(A::new(192, 0, 2, 1))]
        }
        ("a.example.", RecordType::AAAA) => vec![RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))],
        ("example.", RecordType::MX) => vec![RData::MX(MX::new(10, host("mail.example.")))],
        ("example.", RecordType::NS) => vec![RData::NS(NS(host("ns.example.")))],
        _ => return None,
    })
}

async fn server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let port = socket.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let mut message = Message::from_vec(&buffer[..length]).expect("a question");
            let query = message.queries.first().expect("one question").clone();
            message.metadata.message_type = hickory_resolver::proto::op::MessageType::Response;
            if query.name().to_ascii().starts_with("broken") {
                message.metadata.response_code = ResponseCode::ServFail;
            } else if let Some(found) = records(&query.name().to_ascii(), query.query_type()) {
                let answers = found
                    .into_iter()
                    .map(|data| Record::from_rdata(query.name().clone(), 1, data));
                message.answers.extend(answers);
            } else {
                message.metadata.response_code = ResponseCode::NXDomain;
            }
            let answer = message.to_vec().expect("an answer");
            socket.send_to(&answer, peer).await.expect("the peer is here");
        }
    });
    port
}

async fn found(section: &str) -> Result<Vec<TargetGroup>, DiscoveryError> {
    let mut connection = ConnectionConfig::udp();
    connection.port = server().await;
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let config = ResolverConfig::from_parts(
        None,
        vec![],
        vec![NameServerConfig::new(address, true, vec![connection])],
    );
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let mut options = ResolverOpts::default();
    options.attempts = 1;
    *builder.options_mut() = options;
    let text = format!("scrape_configs: [{{job_name: j, dns_sd_configs: [{section}]}}]");
    let config = PrometheusConfig::parse(&text, Path::new("prometheus.yml")).expect("good");
    let setup = Setup {
        config: config.scrape_configs[0].discovery.others["dns_sd_configs"][0].clone(),
        folder: ".".into(),
    };
    let mut source = DnsSource::with_resolver(&setup, builder.build().expect("a resolver"));
    source.refresh().await
}

fn pairs(groups: &[TargetGroup], label: &str) -> Vec<(String, String)> {
    let pair = |group: &TargetGroup| {
        let value = group.labels.get(&format!("__meta_dns_{label}"));
        (group.targets[0].clone(), value.cloned().unwrap_or_default())
    };
    groups.iter().map(pair).collect()
}

#[tokio::test]
async fn records_of_each_type_are_targets() {
    let expect = [
        (
            "{names: [_web._tcp.example.]}",
            "srv_record_target",
            "a.example:9100",
            "a.example.",
        ),
        (
            "{names: [a.example.], type: A, port: 80}",
            "name",
            "192.0.2.1:80",
            "a.example.",
        ),
        (
            "{names: [alias.example.], type: a, port: 80}",
            "name",
            "192.0.2.1:80",
            "alias.example.",
        ),
        (
            "{names: [a.example.], type: AAAA, port: 80}",
            "name",
            "[2001:db8::1]:80",
            "a.example.",
        ),
        (
            "{names: [example.], type: MX, port: 25}",
            "mx_record_target",
            "mail.example:25",
            "mail.example.",
        ),
        (
            "{names: [example.], type: NS, port: 53}",
            "ns_record_target",
            "ns.example:53",
            "ns.example.",
        ),
    ];
    for (section, label, address, value) in expect {
        let groups = found(section)
            .await
            .unwrap_or_else(|error| panic!("{section}: {error}"));
        assert_eq!(
            pairs(&groups, label).first(),
            Some(&(address.to_owned(), value.to_owned())),
            "{section}"
        );
    }
    let groups = found("{names: [_web._tcp.example.]}").await.expect("an answer");
    assert_eq!(groups[1].labels["__meta_dns_srv_record_port"], "9101");
}

#[tokio::test]
async fn a_name_that_is_gone_has_no_targets_and_one_that_fails_is_an_error() {
    let groups = found("{names: [nothing.example.], type: A, port: 1}").await;
    assert_eq!(groups.expect("no such name is an answer"), []);
    let error = found("{names: [broken.example.], type: A, port: 1}").await;
    assert!(
        error
            .expect_err("the server fails")
            .to_string()
            .contains("broken.example.")
    );
    let groups = found("{names: [broken.example., a.example.], type: A, port: 1}").await;
    assert_eq!(groups.expect("one of two answers").len(), 1);
}
