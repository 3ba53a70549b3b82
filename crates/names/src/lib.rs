//! Host names to addresses, by the C library's resolver.
//!
//! A name is looked up for IPv4 and for IPv6 at the same time, but apart. A name server of a farm that has no way to the internet knows its own names for IPv4
//! only, and refuses the other question, or never answers it; the C library, asked for both at once, then says that it found nothing at all.

use std::ffi::{CStr, CString, c_int};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long the slower answer is waited for when there is one already (RFC 8305 section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// musl's resolver keeps its messages on the stack, 10 KB; glibc's, in the tests, more.
const STACK: usize = 256 << 10;
/// More addresses of one name are not looked at.
const MOST: usize = 16;

/// The addresses of a host, which may be one already. Takes as long as the resolver does (resolv.conf(5): two attempts of five seconds a name server).
///
/// What this machine has a route to comes first (RFC 6724 section 6 rule 1), then IPv4: where machines are booted over a network, an IPv6 that leads
/// nowhere is commoner than such an IPv4.
///
/// # Errors
/// Why there are none, in the resolver's words.
pub fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = CString::new(host).map_err(|_| io::Error::other("it holds a zero byte"))?;
    let (answer, answers) = mpsc::channel();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let (name, answer) = (name.clone(), answer.clone());
        // Nobody may be there any more to take the slower answer.
        let look_up = move || drop(answer.send((family, look_up(&name, family))));
        thread::Builder::new().name("resolver".into()).stack_size(STACK).spawn(look_up)?;
    }
    drop(answer);
    let mut found = Vec::new();
    let mut failure = None;
    while let Ok((family, result)) = next(&answers, found.is_empty()) {
        match result {
            Ok(addresses) => found.extend(addresses),
            // A host without an IPv6 address is no news.
            Err(error) if family == libc::AF_INET || failure.is_none() => failure = Some(error),
            Err(_) => {}
        }
    }
    if found.is_empty() {
        return Err(failure.unwrap_or_else(|| io::Error::other("it has no address")));
    }
    let mut found = in_order(found.into_iter().map(|address| SocketAddr::new(address, port)).collect());
    found.truncate(MOST);
    Ok(found)
}

fn in_order(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    addresses.sort_by_cached_key(|address| (!has_route(*address), address.is_ipv6()));
    addresses
}

/// Whether packets to an address could leave this machine. Connecting a UDP socket looks that up and sends nothing.
fn has_route(address: SocketAddr) -> bool {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect(address).is_ok())
}

/// An answer; when there is one already, only if it comes soon.
fn next<T>(answers: &mpsc::Receiver<T>, is_first: bool) -> Result<T, mpsc::RecvTimeoutError> {
    if is_first {
        answers.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
    } else {
        answers.recv_timeout(RESOLUTION_DELAY)
    }
}

/// getaddrinfo(3) for one family.
fn look_up(name: &CStr, family: c_int) -> io::Result<Vec<IpAddr>> {
    let hints = libc::addrinfo {
        ai_flags: 0,
        ai_family: family,
        ai_socktype: libc::SOCK_STREAM,
        ai_protocol: 0,
        ai_addrlen: 0,
        ai_addr: std::ptr::null_mut(),
        ai_canonname: std::ptr::null_mut(),
        ai_next: std::ptr::null_mut(),
    };
    let mut list = std::ptr::null_mut();
    // SAFETY: the name ends with a zero byte, a missing service is allowed, the hints live until the call returns, and `list` is there to be written.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut list) };
    if code != 0 {
        return Err(reason(code));
    }
    let mut addresses = Vec::new();
    let mut entry = list;
    while !entry.is_null() {
        // SAFETY: every entry of the list is valid until freeaddrinfo.
        let info = unsafe { &*entry };
        addresses.extend(address(info));
        entry = info.ai_next;
    }
    // SAFETY: getaddrinfo made the list, and nothing of it is used any more.
    unsafe { libc::freeaddrinfo(list) };
    Ok(addresses)
}

fn address(info: &libc::addrinfo) -> Option<IpAddr> {
    match info.ai_family {
        libc::AF_INET => {
            // SAFETY: an entry of this family holds a socket address of this kind; it may not be aligned for it.
            let socket = unsafe { info.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(socket.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let socket = unsafe { info.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(socket.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

fn reason(code: c_int) -> io::Error {
    if code == libc::EAI_SYSTEM {
        return io::Error::last_os_error();
    }
    // SAFETY: the C library has a static text for every code.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
    io::Error::other(text.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn addresses_are_names_of_themselves() {
        for text in ["10.42.0.1", "fd00::1"] {
            assert_eq!(addresses(text, 80).unwrap(), [SocketAddr::new(text.parse().unwrap(), 80)]);
        }
    }

    #[test]
    fn localhost() {
        let found = addresses("localhost", 80).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        assert!(found[0].is_ipv4());
    }

    #[test]
    fn what_cannot_be_reached_comes_last() {
        let order = thread::spawn(|| {
            // SAFETY: no memory, no file descriptor is unshared, only this thread's network.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0, "this needs root");
            let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap();
            assert!(up.success());
            in_order(["10.77.0.1:80", "[::1]:80", "127.0.0.1:80"].map(|a| a.parse().unwrap()).into())
        });
        let order: Vec<String> = order.join().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(order, ["127.0.0.1:80", "[::1]:80", "10.77.0.1:80"]);
    }

    #[test]
    fn what_cannot_be_a_name() {
        for name in ["a\0b", "", "no such host"] {
            addresses(name, 80).unwrap_err();
        }
    }
}
