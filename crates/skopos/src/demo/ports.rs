//! Looks before the start whether the fleet's ports are free: a child that cannot listen would be
//! found out only by its log.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;
use skopos_fleet::{Role, ServiceSpec};

/// Fails with the first port that something else listens on.
pub(super) fn refuse_taken<'a>(services: impl Iterator<Item = &'a ServiceSpec>) -> anyhow::Result<()> {
    for service in services {
        let Some(port) = service.port else { continue };
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
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
