//! Network devices: counters of /proc/net/dev, and state from /sys/class/net.

use std::path::Path;

use procfs::net::DeviceStatus;

use super::{io_error, proc_error};
use crate::HostError;
use crate::family::Families;

const CLASSES: &str = "/sys/class/net";

/// `node_network_receive_*_total` and `node_network_transmit_*_total`.
pub(super) fn devices(families: &mut Families) -> Result<(), HostError> {
    let status = procfs::net::dev_status().map_err(proc_error("/proc/net/dev"))?;
    let mut devices: Vec<&DeviceStatus> = status.values().collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    for device in devices {
        let labels = [("device", device.name.as_str())];
        for (what, value) in counters(device) {
            let name = format!("node_network_{what}_total");
            families.counter(&name, "A counter of /proc/net/dev.", &labels, value as f64);
        }
    }
    Ok(())
}

fn counters(device: &DeviceStatus) -> [(&'static str, u64); 16] {
    [
        ("receive_bytes", device.recv_bytes),
        ("receive_packets", device.recv_packets),
        ("receive_errs", device.recv_errs),
        ("receive_drop", device.recv_drop),
        ("receive_fifo", device.recv_fifo),
        ("receive_frame", device.recv_frame),
        ("receive_compressed", device.recv_compressed),
        ("receive_multicast", device.recv_multicast),
        ("transmit_bytes", device.sent_bytes),
        ("transmit_packets", device.sent_packets),
        ("transmit_errs", device.sent_errs),
        ("transmit_drop", device.sent_drop),
        ("transmit_fifo", device.sent_fifo),
        ("transmit_colls", device.sent_colls),
        ("transmit_carrier", device.sent_carrier),
        ("transmit_compressed", device.sent_compressed),
    ]
}

/// `node_network_up`, `node_network_mtu_bytes`, `node_network_speed_bytes`, `node_network_info`.
pub(super) fn classes(families: &mut Families) -> Result<(), HostError> {
    let entries = std::fs::read_dir(CLASSES).map_err(io_error(CLASSES))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let device = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        one_class(families, &path, &device);
    }
    Ok(())
}

fn one_class(families: &mut Families, path: &Path, device: &str) {
    let text = |file: &str| {
        std::fs::read_to_string(path.join(file))
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    };
    let labels = [("device", device)];
    let state = text("operstate");
    families.gauge(
        "node_network_up",
        "Whether the device is up.",
        &labels,
        f64::from(u8::from(state == "up")),
    );
    if let Ok(mtu) = text("mtu").parse() {
        families.gauge("node_network_mtu_bytes", "Largest packet.", &labels, mtu);
    }
    // The file gives megabits a second, and -1 where nobody knows.
    if let Ok(speed) = text("speed").parse::<f64>()
        && speed >= 0.0
    {
        families.gauge(
            "node_network_speed_bytes",
            "Speed of the link in bytes a second.",
            &labels,
            speed * 1e6 / 8.0,
        );
    }
    let (address, broadcast, duplex) = (text("address"), text("broadcast"), text("duplex"));
    let info = [
        ("address", address.as_str()),
        ("broadcast", broadcast.as_str()),
        ("device", device),
        ("duplex", duplex.as_str()),
        ("operstate", state.as_str()),
    ];
    families.gauge("node_network_info", "What the device says of itself.", &info, 1.0);
}
