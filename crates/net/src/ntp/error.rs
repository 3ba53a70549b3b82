//! Why there is no time from a server.

use std::io;
use std::net::SocketAddr;

/// Why the clock was not set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name has no address.
    #[error("NTP server {host:?} cannot be found: {reason}")]
    Dns {
        /// As given.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// The network did not carry the question or the answer.
    #[error("NTP server {server}: {source}")]
    Network {
        /// Its address.
        server: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
    /// Nobody answered.
    #[error("NTP server {server} does not answer")]
    Silent {
        /// Its address.
        server: SocketAddr,
    },
    /// The answer cannot be the time.
    #[error("NTP server {server}: its answer is not used: {reason}")]
    Refused {
        /// Its address.
        server: SocketAddr,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server does not want to be asked again.
    #[error("NTP server {server} asks to be left alone")]
    Unwanted {
        /// Its address.
        server: SocketAddr,
    },
    /// Nobody can be believed.
    #[error("NTP servers {servers} do not agree about the time")]
    Disagreement {
        /// Their addresses.
        servers: String,
    },
    /// The kernel does not set the clock.
    #[error("the clock cannot be set: {0}")]
    Clock(io::Error),
}
