//! Host names to addresses, by the C library's resolver.

use super::Error;
use std::net::ToSocketAddrs;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::NextTimeout;

/// ureq's own default resolver hides whether it was the name that failed, and starts a thread to bound a time that the C library
/// bounds already (resolv.conf(5): two attempts of five seconds a name server).
#[derive(Debug)]
pub(super) struct Resolver;

impl UreqResolver for Resolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let failed =
            |reason: String| ureq::Error::Other(Box::new(Error::Dns { host: host.to_owned(), reason }));
        let addresses = (host, port(uri)).to_socket_addrs().map_err(|e| failed(e.to_string()))?;
        let mut found = self.empty();
        // The array's capacity.
        for address in addresses.take(16) {
            found.push(address);
        }
        if found.is_empty() { Err(failed("it has no address".into())) } else { Ok(found) }
    }
}

/// The port that a URL means.
pub(super) fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}
