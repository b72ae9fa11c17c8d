//! Service discovery: follows the sources of targets that a section of `prometheus.yml` names, and
//! gives all their targets with the `__meta_` labels of Prometheus.
//!
//! ```text
//!   SdConfigs ─▶ Discoveries ◀─ refreshed: file, HTTP, DNS, Docker, EC2
//!                     │       ◀─ watched: Kubernetes, Consul
//!                     ▼
//!                TargetGroups
//! ```
//!
//! A source that fails keeps the targets it found last and is asked again, sooner at first; what
//! failed is logged and counted. Labels and requests are those of Prometheus' documentation
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/>).

mod consul;
mod discoveries;
mod dns;
mod docker;
mod ec2;
mod error;
mod file;
mod http;
mod kubernetes;
mod labels;
pub mod monitors;
mod request;
mod source;
mod telemetry;

pub use discoveries::Discoveries;
pub use error::DiscoveryError;
pub use kubernetes::{OperatorObjects, follow_operator};
