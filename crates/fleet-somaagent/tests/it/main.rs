//! The pack of SomaAgent: dashboards, Kubernetes objects, compose file and provisioning hold together with the system.

mod compose;
mod dashboards;
mod kubernetes;
mod pack;
