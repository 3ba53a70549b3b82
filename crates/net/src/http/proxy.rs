//! Which requests go through which proxy (`b2c.proxy`).

use super::error::{shown, shown_text};
use super::{Error, resolve};
use std::net::IpAddr;
use ureq::http::{Response, Uri};

/// Proxies for what this program itself fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For https URLs; it is asked to CONNECT.
    pub https: Option<String>,
    /// For http URLs; it is sent the whole URL.
    pub http: Option<String>,
    /// Hosts to reach directly: a name (and all below it), an address, a network (`10.0.0.0/8`) or `*`; with a port (`host:8002`, `[fd00::1]:8002`) only that one.
    pub no: Vec<String>,
}

/// [`Proxy`], parsed. A wrong URL is reported by the first request that needs it.
#[derive(Debug)]
pub(super) struct Proxies {
    https: Option<Result<ureq::Proxy, String>>,
    http: Option<Result<ureq::Proxy, String>>,
    no: Vec<String>,
}

impl Proxies {
    pub(super) fn new(proxy: Proxy) -> Proxies {
        let parse = |url: Option<String>| {
            url.map(|url| match ureq::Proxy::new(&url) {
                Ok(proxy)
                    if matches!(proxy.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) =>
                {
                    Ok(proxy)
                }
                _ => {
                    let url = shown_text(&url);
                    Err(format!("b2c.proxy: {url:?} is not the URL of an http or https proxy"))
                }
            })
        };
        Proxies { https: parse(proxy.https), http: parse(proxy.http), no: proxy.no }
    }

    /// The proxy to take, `None` for the direct way.
    pub(super) fn for_url(&self, url: &Uri) -> Result<Option<ureq::Proxy>, Error> {
        let proxy = if url.scheme_str() == Some("https") { &self.https } else { &self.http };
        let (host, port) = (url.host().unwrap_or_default(), resolve::port(url));
        match proxy {
            None => Ok(None),
            Some(_) if self.no.iter().any(|pattern| excludes(pattern, host, port)) => Ok(None),
            Some(Ok(proxy)) => Ok(Some(proxy.clone())),
            Some(Err(reason)) => Err(Error::Proxy { url: shown(url), reason: reason.clone() }),
        }
    }
}

/// Says of what a proxy did wrong that it was the proxy.
pub(super) fn judge<B>(
    answer: Result<Response<B>, Error>,
    proxy: Option<&ureq::Proxy>,
    url: &Uri,
) -> Result<Response<B>, Error> {
    let Some(proxy) = proxy else { return answer };
    let stranger = |reason: &str| Error::Proxy {
        url: shown(url),
        reason: format!(
            "{reason}; are the user and the password right in b2c.proxy=…http://USER:PASSWORD@HOST?"
        ),
    };
    match answer {
        // Of plain http it is the proxy that answers (RFC 9110 section 15.5.8).
        Ok(response) if response.status() == 407 => Err(stranger("it answers with status 407")),
        Err(Error::Proxy { reason, .. }) if reason.contains("407") => Err(stranger(&reason)),
        Err(Error::Connect { host, source }) if host == format!("{}:{}", proxy.host(), proxy.port()) => {
            Err(Error::Connect { host: format!("the proxy {host} (b2c.proxy)"), source })
        }
        answer => answer,
    }
}

/// Whether a pattern of `no=` names this host, and this port if it names one.
fn excludes(pattern: &str, host: &str, port: u16) -> bool {
    let (pattern, only) = split_port(pattern);
    if only.is_some_and(|only| only != port) {
        return false;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if pattern == "*" || pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    if let Ok(address) = host.parse() {
        return in_network(pattern, address);
    }
    let domain = pattern.trim_start_matches('.').as_bytes();
    let host = host.as_bytes();
    !domain.is_empty()
        && host.len() > domain.len()
        && host[host.len() - domain.len() - 1] == b'.'
        && host[host.len() - domain.len()..].eq_ignore_ascii_case(domain)
}

/// The host and the port of a pattern. An address of IPv6 has its port behind brackets.
fn split_port(pattern: &str) -> (&str, Option<u16>) {
    let (host, port) = match pattern.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, port.parse().ok()),
        _ => (pattern, None),
    };
    let host = if port.is_some() { host } else { pattern };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// Whether `pattern` is a network such as `10.0.0.0/8` that holds the address.
fn in_network(pattern: &str, address: IpAddr) -> bool {
    let Some((network, prefix)) = pattern.split_once('/') else { return false };
    let (Ok(network), Ok(prefix)) = (network.parse(), prefix.parse::<u32>()) else { return false };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if prefix <= 32 => {
            let differ = u32::from(network) ^ u32::from(address);
            differ.checked_shr(32 - prefix).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if prefix <= 128 => {
            let differ = u128::from(network) ^ u128::from(address);
            differ.checked_shr(128 - prefix).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excluded_hosts() {
        for (pattern, host, expected) in [
            ("example.com", "example.com", true),
            ("example.com", "a.Example.COM", true),
            (".example.com", "a.example.com", true),
            ("example.com", "badexample.com", false),
            ("example.com", "com", false),
            ("*", "anything", true),
            ("10.0.0.0/8", "10.42.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "11.0.0.1", true),
            ("10.0.0.0/33", "10.0.0.1", false),
            ("10.42.0.1", "10.42.0.1", true),
            ("fd00::/8", "[fd00::1]", true),
            ("[fd00::1]", "[fd00::1]", true),
            ("fd00::1", "[fd00::1]", true),
            ("", "host", false),
            ("ci-gateway:8002", "ci-gateway", true),
            ("ci-gateway:8003", "ci-gateway", false),
            ("example.com:8002", "a.example.com", true),
            ("10.42.0.1:8002", "10.42.0.1", true),
            ("10.42.0.1:80", "10.42.0.1", false),
            ("[fd00::1]:8002", "[fd00::1]", true),
            ("[fd00::1]:80", "[fd00::1]", false),
            ("*:8002", "anything", true),
            ("*:80", "anything", false),
            ("ci-gateway:port", "ci-gateway", false),
        ] {
            assert_eq!(excludes(pattern, host, 8002), expected, "{pattern} {host}");
        }
    }
}
