//! What the tests of pulling share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use harness::{Image as Source, Layer};
use image::pull::pull_within;
use image::registry::Limits;
use image::{Image, Platform, Policy, PullError, PullOptions, Reference, Store};
use net::http::{Client, Config};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Less than in earnest, so that giving up does not take a minute.
pub const LIMITS: Limits = Limits {
    silence: Duration::from_secs(3),
    question: Duration::from_secs(1),
    unknown_name: Duration::from_millis(300),
    first_pause: Duration::from_millis(20),
    longest_pause: Duration::from_millis(200),
    longest_asked_pause: Duration::from_secs(1),
    // Tests bring back what they took away.
    absence: Duration::ZERO,
};

/// A machine with a store.
pub struct Machine {
    _folder: Option<TempDir>,
    /// Where the store is.
    pub base: PathBuf,
    pub store: Store,
    pub client: Client,
    pub options: PullOptions,
}

impl Machine {
    pub fn new() -> Machine {
        Machine::trusting(Vec::new())
    }

    /// Which trusts the certificates in these folders.
    pub fn trusting(ca_dirs: Vec<PathBuf>) -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::new(Config { ca_dirs, ..Config::default() });
        Machine { client, ..Machine::at(folder.path()) }.owning(folder)
    }

    /// With its store in that folder.
    pub fn at(base: &Path) -> Machine {
        let options = PullOptions {
            policy: Policy::Always,
            tls_verify: false,
            platform: Platform::host(),
            credentials: None,
            keyrings: Vec::new(),
            mirrors: Vec::new(),
        };
        Machine {
            _folder: None,
            base: base.to_owned(),
            store: Store::open(base).unwrap(),
            client: Client::new(Config::default()),
            options,
        }
    }

    fn owning(self, folder: TempDir) -> Machine {
        Machine { _folder: Some(folder), ..self }
    }

    pub fn pull(&self, reference: &str) -> Result<Image, PullError> {
        self.pull_within(reference, LIMITS)
    }

    pub fn pull_within(&self, reference: &str, limits: Limits) -> Result<Image, PullError> {
        let reference = Reference::parse(reference).unwrap();
        pull_within(&self.store, &self.client, &reference, &self.options, limits)
    }

    /// What a person reads when it fails; and that nothing is left half done.
    pub fn refused(&self, reference: &str) -> String {
        let message = self.pull(reference).expect_err("this cannot be pulled").to_string();
        assert!(!message.contains('\n'), "{message}");
        self.assert_nothing_half_done();
        message
    }

    pub fn assert_nothing_half_done(&self) {
        assert_eq!(count(&self.base.join("v1/staging")), 0, "something is left in staging");
    }

    pub fn layers(&self) -> usize {
        count(&self.base.join("v1/layers/sha256"))
    }
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// The text of a file in the topmost layer that has it.
pub fn read(image: &Image, path: &str) -> String {
    let found = image.layers.iter().rev().find_map(|layer| std::fs::read_to_string(layer.join(path)).ok());
    found.unwrap_or_else(|| panic!("no layer has {path}"))
}

/// An image of one layer with one file.
pub fn small(content: &str) -> Source {
    Source::new().layer(Layer::new().file("file", 0o644, content))
}

/// Bytes that do not compress, so that offsets in the blob mean something.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A front before the shared registry that may change each answer, given the request's head; returns its address.
pub fn front(change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            // A client that hangs up is nobody's fault.
            let _ = client.and_then(|client| relay(client, &change));
        }
    });
    address
}

fn relay(mut client: TcpStream, change: &impl Fn(&str, Vec<u8>) -> Vec<u8>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.starts_with(&[0x16]) {
            // TLS.
            return client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut upstream = TcpStream::connect(harness::Registry::shared().address())?;
    upstream.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    client.write_all(&change(&head, answer))
}

/// Replaces text in the head of an answer.
pub fn replace_in_head(answer: &[u8], from: &str, to: &str) -> Vec<u8> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).replace(from, to);
    [head.as_bytes(), &answer[end..]].concat()
}
