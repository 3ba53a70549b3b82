//! The one HTTP client: HTTP/1.1 over TCP or TLS, with connection reuse, redirects and proxies.
//!
//! A status is never an error: callers decide what 404 or 429 means. Nothing is retried here; [`Error::is_transient`] says whether
//! trying again can help. Nothing is parsed or allocated for TLS before the first https URL.

mod authority;
mod body;
mod connect;
mod error;
mod in_time;
mod proxy;
mod redirect;
mod resolve;
mod response;
mod tcp;
mod tls;
mod userinfo;

use crate::patience::Cancel;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Uri;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use ureq::{Agent, SendBody};

pub use authority::{Authority, MAX_PEM, NoAuthority};
pub use body::Body;
pub use error::{Error, shown_text as shown};
pub use in_time::InTime;
pub use proxy::Proxy;
pub use response::Response;

/// Redirects followed before giving up, as Go's client does.
const MAX_REDIRECTS: usize = 10;
/// The status line and all headers of a response, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// Per connection; has to hold [`MAX_HEAD`].
const INPUT_BUFFER: usize = 64 * 1024;
/// Per connection. What is stored goes out in pieces of this size.
const OUTPUT_BUFFER: usize = 64 * 1024;
/// Connections that wait for their next use: as many as there are threads that store or fetch objects at once.
const MAX_IDLE: usize = 32;

/// How the client reaches servers and whom it trusts.
#[derive(Clone, Debug)]
pub struct Config {
    /// `b2c.proxy`.
    pub proxy: Option<Proxy>,
    /// Folders of PEM files whose certificates are trusted besides the built-in roots.
    pub ca_dirs: Vec<PathBuf>,
    /// `b2c.ca`: trusted as well.
    pub authorities: Vec<Authority>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// For the TCP connection, and again for the TLS handshake.
    pub connect_timeout: Duration,
    /// The longest silence while a response is awaited or read, or while nothing can be sent. It is no limit for the whole: a
    /// server that gives a byte a second is slow, not dead.
    pub read_timeout: Duration,
    /// Ends all that goes on, within a second or so, and all that is begun.
    pub cancel: Arc<Cancel>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            proxy: None,
            ca_dirs: vec!["/etc/ssl/certs".into(), "/usr/local/share/ca-certificates".into()],
            authorities: Vec::new(),
            user_agent: concat!("boot2container/", env!("CARGO_PKG_VERSION")).into(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            cancel: Arc::default(),
        }
    }
}

/// The methods that registries, S3 servers and web servers need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Fetch.
    Get,
    /// Fetch without the body.
    Head,
    /// Submit.
    Post,
    /// Store.
    Put,
    /// Remove.
    Delete,
}

/// What to send, and where.
#[derive(Clone)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Absolute, `http` or `https`.
    pub url: String,
    /// Sent as they are, in this order. `Host` and `Content-Length` are added.
    pub headers: Vec<(String, String)>,
    /// `false` accepts any certificate for any name.
    pub tls_verify: bool,
    /// Sent with `Post` and `Put` only.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers and body that verifies certificates.
    pub fn new(method: Method, url: impl Into<String>) -> Request {
        Request { method, url: url.into(), headers: Vec::new(), tls_verify: true, body: Vec::new() }
    }

    /// Fetches `url`.
    pub fn get(url: impl Into<String>) -> Request {
        Request::new(Method::Get, url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether the server has to prove who it is.
    #[must_use]
    pub fn tls_verify(mut self, verify: bool) -> Request {
        self.tls_verify = verify;
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }
}

/// Headers, the query and the body may hold secrets: of the first their names are shown, of the others nothing.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut request = f.debug_struct("Request");
        request.field("method", &self.method).field("url", &shown(&self.url)).field("headers", &headers);
        request.field("tls_verify", &self.tls_verify).finish_non_exhaustive()
    }
}

/// A client; clones share connections and TLS sessions, and may send from many threads at once.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// One pool of connections each, so that a connection to an unproven server is never used where proof is asked for.
    verified: Agent,
    unverified: Agent,
    proxies: proxy::Proxies,
    cancel: Arc<Cancel>,
}

impl Client {
    /// A client. Opens and reads nothing yet.
    pub fn new(config: Config) -> Client {
        let tls = Arc::new(tls::Tls::new(config.ca_dirs.clone(), config.authorities.clone()));
        let agent = |verify| {
            let limits = tcp::Limits { silence: config.read_timeout, cancel: Arc::clone(&config.cancel) };
            let connector = connect::Connector::new(Arc::clone(&tls), verify, limits);
            Agent::with_parts(agent_config(&config), connector, resolve::Resolver::default())
        };
        let (verified, unverified) = (agent(true), agent(false));
        let proxies = proxy::Proxies::new(config.proxy.unwrap_or_default());
        Client(Arc::new(Inner { verified, unverified, proxies, cancel: config.cancel }))
    }

    /// Ends all that goes on ([`Config::cancel`]); pauses between two attempts should end with it.
    pub fn cancel(&self) -> &Cancel {
        &self.0.cancel
    }

    /// Sends a request, follows redirects, and returns when the headers of the answer are there.
    ///
    /// The `Authorization` header is dropped when a redirect leads to another scheme, host or port (RFC 9110 §15.4; CVE-2022-27774).
    pub fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut url = parse_url(&request.url)?;
        let mut method = request.method;
        let mut authorized = true;
        for _ in 0..=MAX_REDIRECTS {
            let body = Body::bytes(&request.body);
            let response = self.send_once(request, method, &url, authorized, body)?;
            let status = response.status().as_u16();
            let Some(next) = redirect::target(&url, &response, request.tls_verify)? else {
                return Ok(Response::new(&url, response));
            };
            log::debug!("{} redirects to {} ({status})", error::shown(&url), error::shown(&next));
            authorized = authorized && redirect::same_origin(&url, &next);
            method = redirect::method(status, method);
            url = next;
        }
        Err(Error::Redirect {
            url: shown(&request.url),
            reason: format!("more than {MAX_REDIRECTS} in a row"),
        })
    }

    /// Sends a request with `body` instead of its own, and gives the first answer, also if it is a redirect: a body that was read cannot be
    /// sent again, and a signature is for one host.
    pub fn send_direct(&self, request: &Request, body: Body<'_>) -> Result<Response, Error> {
        let url = parse_url(&request.url)?;
        let response = self.send_once(request, request.method, &url, true, body)?;
        Ok(Response::new(&url, response))
    }

    fn send_once(
        &self,
        request: &Request,
        method: Method,
        url: &Uri,
        authorized: bool,
        body: Body<'_>,
    ) -> Result<ureq::http::Response<ureq::Body>, Error> {
        let mut head = ureq::http::Request::builder().method(method.name()).uri(url);
        let is_authorization = |name: &str| name.eq_ignore_ascii_case(AUTHORIZATION.as_str());
        let mut from_url = userinfo::authorization(url);
        for (name, value) in &request.headers {
            if authorized || !is_authorization(name) {
                head = head.header(name, value);
                from_url = from_url.filter(|_| !is_authorization(name));
            }
        }
        if let Some(value) = from_url {
            head = head.header(AUTHORIZATION, value);
        }
        let bad_header =
            |e: ureq::http::Error| Error::BadUrl { url: error::shown(url), reason: e.to_string() };
        let agent = if request.tls_verify { &self.0.verified } else { &self.0.unverified };
        let proxy = self.0.proxies.for_url(url)?;
        if !matches!(method, Method::Post | Method::Put) {
            let head = head.body(()).map_err(bad_header)?;
            let answer = agent.run(agent.configure_request(head).proxy(proxy.clone()).build());
            return proxy::judge(answer.map_err(|e| Error::from_ureq(url, e)), proxy.as_ref(), url);
        }
        let mut source = body::Source::new(body);
        let head = head.header(CONTENT_LENGTH, source.length());
        let head = head.body(SendBody::from_reader(&mut source)).map_err(bad_header)?;
        let answer = agent.run(agent.configure_request(head).proxy(proxy.clone()).build());
        let answer = answer.map_err(|e| match source.failure() {
            Some(source) => Error::Source { url: error::shown(url), source },
            None => Error::from_ureq(url, e),
        });
        proxy::judge(answer, proxy.as_ref(), url)
    }
}

impl Method {
    /// As the request line has it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

fn agent_config(config: &Config) -> ureq::config::Config {
    ureq::config::Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(&config.user_agent)
        .timeout_connect(Some(config.connect_timeout))
        .timeout_per_read(Some(config.read_timeout))
        .timeout_per_write(Some(config.read_timeout))
        .max_response_header_size(MAX_HEAD)
        .max_idle_connections(MAX_IDLE)
        .max_idle_connections_per_host(MAX_IDLE)
        .input_buffer_size(INPUT_BUFFER)
        .output_buffer_size(OUTPUT_BUFFER)
        .build()
}

fn parse_url(url: &str) -> Result<Uri, Error> {
    absolute(url).map_err(|reason| Error::BadUrl { url: shown(url), reason })
}

/// A URL that can be requested, or why it is none.
fn absolute(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|e: ureq::http::uri::InvalidUri| e.to_string())?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err("it has to begin with http:// or https://".into()),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("it names no host".into());
    }
    // A port that is no number from 0 to 65535 counts as none.
    let host_port = uri.authority().map_or("", |a| a.as_str()).rsplit('@').next().unwrap_or_default();
    if uri.port_u16().is_none() && uri.host() != Some(host_port) {
        return Err("its port is not a number up to 65535".into());
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_its_secrets() {
        let request = Request::new(Method::Post, "https://user:secret@host/path?token=secret")
            .header("Authorization", "Bearer secret")
            .body("secret");
        let text = format!("{request:?} {request:#?}");
        assert!(text.contains("https://host/path") && text.contains("Authorization"), "{text}");
        assert!(!text.contains("secret") && !text.contains("115, 101"), "{text}");
    }
}
