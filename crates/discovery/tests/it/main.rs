//! Discovery against servers that speak the APIs of the real ones, with answers in their shapes.

mod consul;
mod docker;
mod ec2;
mod found;
mod http;
mod kubernetes;
