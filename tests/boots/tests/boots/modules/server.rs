//! A web server for one file, which knows what it has and how often it gave it.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Runs to the end of the test's process.
pub struct Server {
    /// For the machine.
    pub url: String,
    /// Of the file.
    pub sha256: String,
    given: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Server {
    pub fn new(file: Vec<u8>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://10.0.2.2:{}/drivers.cpio", listener.local_addr().unwrap().port());
        let sha256 = Sha256::digest(&file).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        let server = Server { url, sha256, given: Arc::default(), down: Arc::default() };
        let (etag, given, down) =
            (server.sha256.clone(), Arc::clone(&server.given), Arc::clone(&server.down));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !down.load(Ordering::Relaxed) {
                    answer(stream.unwrap(), &file, &etag, &given);
                }
            }
        });
        server
    }

    /// How often the whole file went out.
    pub fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }

    /// From now on connections are closed at once.
    pub fn down(&self) {
        self.down.store(true, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream, file: &[u8], etag: &str, given: &AtomicUsize) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let known = head.iter().any(|line| line.to_lowercase() == format!("if-none-match: \"{etag}\""));
    let (status, body) = if known { ("304 Not Modified", &[][..]) } else { ("200 OK", file) };
    given.fetch_add(usize::from(!known), Ordering::Relaxed);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"{etag}\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // The machine may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
