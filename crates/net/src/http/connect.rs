//! From a URL to a connection: TCP, then a proxy if there is one, then TLS for https.

use super::tcp::{Limits, Tcp};
use super::{Error, resolve, tls::Tls};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector as UreqConnector, LazyBuffers, NextTimeout,
    Transport, TransportAdapter,
};

/// ureq's own connector can trust either the web's roots or a list, and says only "io error" of what fails.
#[derive(Debug)]
pub(super) struct Connector {
    limits: Limits,
    tunnel: ConnectProxyConnector,
    tls: Arc<Tls>,
    verify: bool,
}

impl Connector {
    pub(super) fn new(tls: Arc<Tls>, verify: bool, limits: Limits) -> Connector {
        Connector { limits, tunnel: ConnectProxyConnector::default(), tls, verify }
    }

    fn tcp(&self, details: &ConnectionDetails) -> Result<Box<dyn Transport>, ureq::Error> {
        let tcp = Tcp::connect(details, &self.limits).map_err(|e| match e {
            ureq::Error::Io(source) => typed(Error::Connect { host: host_port(details.uri), source }),
            e => e,
        })?;
        Ok(tcp.boxed())
    }

    /// A connection to the proxy itself, for a plain http URL.
    fn plain_proxy(
        &self,
        details: &ConnectionDetails,
        proxy: &ureq::Proxy,
    ) -> Result<Box<dyn Transport>, ureq::Error> {
        let to_proxy = ConnectionDetails {
            uri: proxy.uri(),
            addrs: details.resolver.resolve(proxy.uri(), details.config, details.timeout)?,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let mut transport = self.tcp(&to_proxy)?;
        if to_proxy.needs_tls() {
            transport = self.tls(&to_proxy, transport)?;
        }
        Ok(Box::new(AbsoluteForm::new(details.uri, proxy, transport)))
    }

    fn tls(
        &self,
        details: &ConnectionDetails,
        transport: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, ureq::Error> {
        let host = host_port(details.uri);
        let refuse = |reason: String| typed(Error::Tls { host: host.clone(), reason });
        let name = details.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned()).map_err(|e| refuse(e.to_string()))?;
        let mut conn =
            ClientConnection::new(self.tls.config(self.verify), name).map_err(|e| refuse(e.to_string()))?;
        let mut sock = TransportAdapter::new(transport, details.current_time.clone());
        sock.set_timeout(details.timeout);
        conn.complete_io(&mut sock).map_err(|e| typed(Error::from_handshake(&host, e)))?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Box::new(TlsTransport { buffers, stream: StreamOwned { conn, sock } }))
    }
}

impl UreqConnector for Connector {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Self::Out>, ureq::Error> {
        let mut transport = match details.config.proxy() {
            None => self.tcp(details)?,
            Some(proxy) if !details.needs_tls() => return self.plain_proxy(details, proxy).map(Some),
            Some(_) => self
                .tunnel
                .connect(details, None::<()>)?
                .map(Transport::boxed)
                .ok_or(ureq::Error::ConnectionFailed)?,
        };
        if details.needs_tls() {
            transport = self.tls(details, transport)?;
        }
        Ok(Some(transport))
    }
}

pub(super) fn typed(error: Error) -> ureq::Error {
    ureq::Error::Other(Box::new(error))
}

fn host_port(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), resolve::port(uri))
}

/// TLS over another transport.
struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsTransport").field(self.stream.sock.get_ref()).finish()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Plain http through a proxy: the request line names the whole URL (RFC 9112 §3.2.2). ureq would CONNECT, which proxies commonly
/// allow to port 443 only.
#[derive(Debug)]
struct AbsoluteForm {
    inner: Box<dyn Transport>,
    /// `http://host:port`
    origin: String,
    /// `Proxy-Authorization`, with its line end; or nothing.
    authorization: String,
    /// The next output begins with a request line.
    at_head: bool,
}

impl AbsoluteForm {
    fn new(target: &Uri, proxy: &ureq::Proxy, inner: Box<dyn Transport>) -> AbsoluteForm {
        let origin = format!("{}://{}", Scheme::HTTP, host_port(target));
        let authorization = match (proxy.username(), proxy.password()) {
            (None, None) => String::new(),
            (user, password) => {
                let pair = format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default());
                format!("Proxy-Authorization: Basic {}\r\n", BASE64_STANDARD.encode(pair))
            }
        };
        AbsoluteForm { inner, origin, authorization, at_head: true }
    }

    /// `GET /path HTTP/1.1` becomes `GET http://host:port/path HTTP/1.1`; `None` if this is no whole request line.
    fn rewrite(&self, head: &[u8]) -> Option<Vec<u8>> {
        let method_end = head.iter().position(|&b| b == b' ')? + 1;
        let line_end = head.iter().position(|&b| b == b'\n')? + 1;
        let (method, rest) = head.split_at(method_end);
        let (target, rest) = rest.split_at(line_end.checked_sub(method_end)?);
        Some([method, self.origin.as_bytes(), target, self.authorization.as_bytes(), rest].concat())
    }

    fn send(&mut self, mut bytes: &[u8], timeout: NextTimeout) -> Result<(), ureq::Error> {
        while !bytes.is_empty() {
            let output = self.inner.buffers().output();
            let amount = bytes.len().min(output.len());
            output[..amount].copy_from_slice(&bytes[..amount]);
            self.inner.transmit_output(amount, timeout)?;
            bytes = &bytes[amount..];
        }
        Ok(())
    }
}

impl Transport for AbsoluteForm {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if !self.at_head {
            return self.inner.transmit_output(amount, timeout);
        }
        self.at_head = false;
        let head = self.inner.buffers().output()[..amount].to_vec();
        let Some(head) = self.rewrite(&head) else {
            return Err(
                io::Error::new(io::ErrorKind::InvalidInput, "the URL is too long for the proxy").into()
            );
        };
        self.send(&head, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.at_head = true;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}
