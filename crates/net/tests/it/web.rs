//! Web servers on loopback: Python's, for what servers do, and a bare socket, for what only broken ones do.

use net::http::{Client, Config, Error, Request, Response};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A process that serves until it is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// With certificate and key files it speaks TLS.
    pub fn start(files: &[&OsStr]) -> Server {
        let mut child = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/server.py"))
            .args(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Server { child, port: line.trim().parse().unwrap() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Serves one connection: reads a request's head, then does what it is told. Returns the URL, and the head when it is over.
pub fn serve_once(answer: impl FnOnce(TcpStream) + Send + 'static) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let head = read_head(&stream);
        answer(stream);
        head
    });
    (url, thread)
}

/// Reads a request up to its empty line.
pub fn read_head(mut stream: &TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Sends bytes, and does not care whether they are wanted.
pub fn say(mut stream: &TcpStream, bytes: &str) {
    let _ = stream.write_all(bytes.as_bytes());
}

/// A client that loses patience quickly.
pub fn client() -> Client {
    Client::new(config())
}

pub fn config() -> Config {
    Config { ca_dirs: Vec::new(), read_timeout: Duration::from_secs(2), ..Config::default() }
}

pub fn text(response: Response) -> String {
    let mut text = String::new();
    response.into_reader().read_to_string(&mut text).unwrap();
    text
}

pub fn get(client: &Client, url: &str) -> String {
    text(client.send(&Request::get(url)).unwrap())
}

/// What reading the body to its end runs into.
pub fn body_error(response: Response) -> Error {
    let error = response.into_reader().read_to_end(&mut Vec::new()).unwrap_err();
    error.downcast::<Error>().unwrap()
}
