//! Negotiation with the two servers that everybody runs. What the kernel makes of the connections is shown by boots: not every kernel that runs tests has NBD.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use disk::nbd::negotiate::negotiate;
use disk::nbd::{Export, NegotiationError};
use harness::{NbdProgram, NbdServer};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use tempfile::NamedTempFile;

const SIZE: u64 = 3 << 20;

fn ask(port: u16) -> Result<Export, NegotiationError> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    negotiate(&mut stream)
}

#[test]
fn nbd_server_and_qemu_nbd_give_their_default_export() {
    for program in [NbdProgram::NbdServer, NbdProgram::QemuNbd] {
        let image = NamedTempFile::new().unwrap();
        image.as_file().set_len(SIZE).unwrap();
        let server = NbdServer::start(program, image.path());
        let export = ask(server.port()).unwrap();
        assert_eq!(export.size, SIZE, "{program:?}");
        // Has flags, is writable, and takes several connections (doc/proto.md, "Transmission flags").
        assert_eq!(export.flags & 0b1_0000_0011, 0b1_0000_0001, "{program:?}");
    }
}

/// A server that says `words` and then nothing more.
fn server(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(words).unwrap();
    });
    port
}

#[test]
fn other_servers_are_told_from_nbd() {
    assert!(matches!(ask(server(b"SSH-2.0-OpenSSH_9.2p1\r\n")), Err(NegotiationError::NotNbd(_))));
    assert!(matches!(ask(server(b"")), Err(NegotiationError::Closed)));
    assert!(matches!(ask(server(b"NBDMAGIC\0\0\x42\x02\x81\x86\x12\x53")), Err(NegotiationError::Oldstyle)));
}
