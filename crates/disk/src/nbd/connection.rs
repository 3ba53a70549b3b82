//! One connection to a server, up to where the kernel takes over.

use super::negotiate::{Export, negotiate};
use super::{Cause, Config};
use rustix::net::sockopt;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

/// So long one address of a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// So long the server may be silent while an export is negotiated.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is tried after so long: a server that lost its power says nothing.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Opens a connection and negotiates the export.
pub(super) fn open(config: &Config) -> Result<(TcpStream, Export), Cause> {
    let mut stream = connect(config)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(Cause::Connect)?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT)).map_err(Cause::Connect)?;
    let export = negotiate(&mut stream)?;
    hand_over(&stream).map_err(Cause::Connect)?;
    Ok((stream, export))
}

/// Opens one more connection to an export that is known.
pub(super) fn open_again(config: &Config, export: &Export) -> Result<TcpStream, Cause> {
    let (stream, now) = open(config)?;
    if now.size == export.size {
        Ok(stream)
    } else {
        Err(Cause::Changed { before: export.size, now: now.size })
    }
}

fn connect(config: &Config) -> Result<TcpStream, Cause> {
    let addresses = resolve::addresses(&config.host, config.port).map_err(Cause::Resolve)?;
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(Cause::Connect(failure))
}

/// The kernel has its own time-outs, and wants its small requests to be sent at once.
fn hand_over(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)?;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE / 4)?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(())
}
