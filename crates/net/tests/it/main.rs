//! The network and its clients against real kernels and real servers. Runs as root, in network namespaces of its own and on loopback.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod dhcp;
mod fixed;
mod http;
mod ipv6;
mod lab;
mod ntp;
mod proxy;
mod tls;
mod web;
