//! Looks before the start whether the fleet's ports are free: a child that cannot listen would be
//! found out only by its log.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::bail;
use skopos_fleet::{Role, ServiceSpec};

/// Fails with the first port that something else listens on, unless it is an exporter in the place of ours.
pub(super) async fn refuse_taken(services: &[ServiceSpec]) -> anyhow::Result<()> {
    for service in services {
        let Some(port) = service.port else { continue };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match TcpListener::bind(address) {
            Err(error)
                if error.kind() == ErrorKind::AddrInUse
                    && service.role == Role::Exporter
                    && skopos_fleet::is_exporter(address).await => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let mend = if service.role == Role::Bus {
                    "end what listens there, or name an outside bus with --bus kafka://HOST:PORT"
                } else {
                    "end what listens there, such as another demo"
                };
                bail!("port {port} of {} {} is taken\n{mend}", service.system, service.name)
            }
            // Anything else is told better by the service itself.
            _ => {}
        }
    }
    Ok(())
}
