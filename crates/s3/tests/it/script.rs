//! A server that gives answers that no store at hand gives.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// One request after the other gets one of these, the last of them for ever. Gives its URL.
pub fn serve(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let last = answers.last().unwrap().clone();
        for text in answers.into_iter().chain(std::iter::repeat(last)) {
            answer(listener.accept().unwrap().0, &text);
        }
    });
    url
}

/// An answer for [`serve`]; each of `headers` ends in a line break.
pub fn text(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// A client that has seen enough hangs up, which is no failure.
fn answer(mut client: TcpStream, text: &str) {
    let mut request = BufReader::new(&client);
    let mut length = 0;
    let mut line = String::new();
    while request.read_line(&mut line).unwrap_or(0) > 0 && line != "\r\n" {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if request.read_exact(&mut body).is_ok() {
        let _ = client.write_all(text.as_bytes());
    }
}
