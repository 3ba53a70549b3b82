//! How many connections it takes.

use super::store::{bucket, garage, get, noise, open, put};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Each range that did not end where the object does once had a connection of its own.
#[test]
fn ranges_share_connections() {
    let direct = bucket("connections");
    let expected = noise(100 << 20, 1);
    put(&direct, "object", &expected);
    let (port, count) = count_before(garage().port());
    let bucket = open(&format!("http://127.0.0.1:{port}"), "connections");
    assert!(get(&bucket, "object").unwrap().1 == expected);
    // The first one, whose answer is the whole object, is given up; then one for each of the four that fetch at once.
    let count = count.load(Ordering::Relaxed);
    assert!(count <= 5, "{count} connections for 7 ranges");
}

/// A front before a port of loopback that counts connections.
fn count_before(port: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let front = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    thread::spawn(move || {
        for client in listener.incoming() {
            counter.fetch_add(1, Ordering::Relaxed);
            let (client, store) = (client.unwrap(), TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
            relay(client.try_clone().unwrap(), store.try_clone().unwrap());
            relay(store, client);
        }
    });
    (front, count)
}

/// Passes on what comes, until one of the two is closed.
fn relay(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        for stream in [from, to] {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    });
}
