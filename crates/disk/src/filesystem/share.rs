//! Shares of file servers: how they are written, and where their servers are.

use super::Cause;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// So long an address may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// So long a server may take until it is there: it may have been switched on with this machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// `host:/path`, `[address]:/path`.
pub(super) fn nfs(source: &str) -> Option<(&str, &str)> {
    let (host, path) = match source.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => source.split_once(':')?,
    };
    (is_host(host) && path.starts_with('/')).then_some((host, path))
}

/// The host of `//host/share`, `//host/share/folder`.
pub(super) fn cifs(source: &str) -> Option<&str> {
    let (host, share) = source.strip_prefix("//")?.split_once('/')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (is_host(host) && !share.is_empty() && !share.starts_with('/')).then_some(host)
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte))
}

/// Both ends of a connection that a server accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    pub(super) server: IpAddr,
    pub(super) client: IpAddr,
}

/// Finds an address of `host` at which it accepts connections on `port`.
///
/// The kernel itself would try for minutes where nobody answers.
pub(super) fn reach(host: &str, port: u16) -> Result<Reached, Cause> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let addresses = resolve::addresses(host, port);
        let addresses = addresses.map_err(|reason| Cause::Resolve { host: host.to_owned(), reason })?;
        let failure = match try_each(&addresses) {
            Ok(reached) => return Ok(reached),
            Err(failure) => failure,
        };
        if Instant::now() + PAUSE >= deadline {
            return Err(Cause::Unreachable { port, reason: failure });
        }
        std::thread::sleep(PAUSE);
    }
}

fn try_each(addresses: &[SocketAddr]) -> io::Result<Reached> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        let reached = TcpStream::connect_timeout(address, CONNECT_TIMEOUT)
            .and_then(|stream| Ok(Reached { server: address.ip(), client: stream.local_addr()?.ip() }));
        match reached {
            Ok(reached) => return Ok(reached),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nfs_shares() {
        assert_eq!(nfs("10.0.2.2:/srv/a:b"), Some(("10.0.2.2", "/srv/a:b")));
        assert_eq!(nfs("[fe80::1%eth0]:/"), Some(("fe80::1%eth0", "/")));
        for bad in ["/dev/sda1", "host", "host:path", ":/x", "[::1]/x", "[::1:/x", "a b:/x", ""] {
            assert_eq!(nfs(bad), None, "{bad}");
        }
    }

    #[test]
    fn cifs_shares() {
        assert_eq!(cifs("//server/share/folder"), Some("server"));
        assert_eq!(cifs("//[fd00::2]/share"), Some("fd00::2"));
        for bad in ["//server", "//server/", "///share", "/server/share", "//a b/c", "//server//x"] {
            assert_eq!(cifs(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_share_or_not(text in "(?s).{0,24}|[a-z:/\\[\\]%.]{0,24}") {
            let _ = (nfs(&text), cifs(&text));
        }
    }
}
