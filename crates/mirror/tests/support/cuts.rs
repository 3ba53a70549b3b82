//! A way to a store on which connections are cut.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

/// One of so many connections is cut,
const EVERY: u64 = 16;
/// when so many bytes have gone one way, or less.
const AFTER: u64 = 64 << 10;

/// Starts it before that port; gives its own URL. It lasts as long as the test.
pub fn before(port: u16, seed: u64) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut random = fastrand::Rng::with_seed(seed);
    thread::spawn(move || {
        for client in listener.incoming() {
            let limit = if random.u64(0..EVERY) == 0 { random.u64(0..AFTER) } else { u64::MAX };
            // Both ways end when one does; a store that is away ends it at once.
            let Ok((client, store)) = client.and_then(|client| Ok((client, connect(port)?))) else {
                continue;
            };
            relay(&client, &store, limit);
            relay(&store, &client, limit);
        }
    });
    url
}

fn connect(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
}

fn relay(from: &TcpStream, to: &TcpStream, limit: u64) {
    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let (mut left, mut buffer) = (limit, [0; 8192]);
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            match (&from).read(&mut buffer[..room]) {
                Ok(count @ 1..) if (&to).write_all(&buffer[..count]).is_ok() => left -= count as u64,
                _ => break,
            }
        }
        for stream in [from, to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
}
