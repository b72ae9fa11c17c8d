//! Receivers against servers in this process: what is sent when alerts fire and resolve, and what
//! becomes of each kind of failure.

mod amtool;
mod bench;
mod failures;
mod mail;
mod mail_server;
mod on_call;
mod posts;
mod services;
mod site;
mod tls;
mod transport;
