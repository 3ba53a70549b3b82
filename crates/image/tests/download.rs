//! Archives from a web server whose connections break.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use b2c::cpio::{self, Entry};
use image::archive::{Archive, ArchiveError, fetch_within};
use image::registry::Limits;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use support::{LIMITS, Machine, read};

/// Shorter than one download takes here, as a minute is shorter than one of a large archive.
const SHORT: Limits = Limits { silence: Duration::from_millis(300), ..LIMITS };
const SLOW: Duration = Duration::from_millis(500);

/// A server that sends `cuts[n]` bytes to who asks for the n-th time (the last again and again), slowly, and hangs up. Its URL, and how often it was asked.
fn cutting(body: Vec<u8>, cuts: Vec<usize>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.cpio", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for client in listener.incoming() {
            let number = count.fetch_add(1, Ordering::Relaxed);
            // A client that hangs up is nobody's fault.
            let _ = client.and_then(|client| serve(client, &body, cuts[number.min(cuts.len() - 1)]));
        }
    });
    (url, asked)
}

fn serve(mut client: TcpStream, body: &[u8], cut: usize) -> std::io::Result<()> {
    let _ = client.read(&mut [0; 4096])?;
    write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
    client.write_all(&body[..cut])?;
    thread::sleep(SLOW);
    Ok(())
}

fn archive() -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = Entry::file("lib/firmware/file", 0o644, "content");
    cpio::write(&mut bytes, &cpio::with_parents(vec![file])).unwrap();
    bytes
}

fn fetch(url: &str) -> Result<String, ArchiveError> {
    let machine = Machine::new();
    let archive = Archive { url, digest: None, tls_verify: true, wanted: &["lib/firmware"] };
    let image = fetch_within(&machine.store, &machine.client, &archive, SHORT)?;
    machine.assert_nothing_half_done();
    Ok(read(&image, "lib/firmware/file"))
}

#[test]
fn a_download_that_breaks_late_is_tried_again() {
    let whole = archive();
    let (url, asked) = cutting(whole.clone(), vec![100, 200, whole.len()]);
    assert_eq!(fetch(&url).unwrap(), "content");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[test]
fn a_server_that_always_breaks_at_the_same_byte_is_given_up() {
    let (url, asked) = cutting(archive(), vec![200]);
    let error = fetch(&url).unwrap_err();
    assert!(matches!(error, ArchiveError::GaveUp { .. }), "{error:?}");
    assert!(error.to_string().contains("the connection broke"), "{error}");
    assert!(asked.load(Ordering::Relaxed) >= 2);
}
