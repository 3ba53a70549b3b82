//! One connection of a client: a request, and the response with its fault.

use super::http::Head;
use super::{Fault, Request, State, Tokens};
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// Answers the one request of a client that came to the front at `port`.
pub fn serve(client: TcpStream, port: u16, state: &Mutex<State>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let mut reader = BufReader::new(client.try_clone()?);
    let request = Head::read(&mut reader)?;
    Relay { client, reader, request, body: Vec::new(), port, state }.answer()
}

struct Relay<'a> {
    client: TcpStream,
    /// What the client sends.
    reader: BufReader<TcpStream>,
    request: Head,
    body: Vec<u8>,
    port: u16,
    state: &'a Mutex<State>,
}

impl Relay<'_> {
    fn answer(&mut self) -> io::Result<()> {
        let path = self.request.word(1).to_owned();
        if path.starts_with("/token") {
            self.read_body(None)?;
            return self.answer_with_token();
        }
        let accepted = self.state().accepts(&self.request);
        if !accepted {
            return self.answer_with_challenge(repository(&path));
        }
        let fault = self.state().fault(&path);
        if let Some(Fault::CutRequestAfter(count)) = fault {
            return self.read_body(Some(count));
        }
        self.read_body(None)?;
        match fault {
            Some(Fault::Status(status, retry_after)) => {
                let field = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
                self.send(status, &field.unwrap_or_default(), "")
            }
            Some(Fault::Redirect(url)) => self.send(307, &format!("Location: {url}\r\n"), ""),
            fault => self.forward(fault.as_ref()),
        }
    }

    /// All of it, or only that much.
    fn read_body(&mut self, count: Option<u64>) -> io::Result<()> {
        if self.request.get("expect").is_some() {
            self.client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.request.remove("expect");
        }
        let length = self.request.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let wanted = count.unwrap_or(length).min(length);
        self.reader.by_ref().take(wanted).read_to_end(&mut self.body).map(drop)
    }

    fn answer_with_token(&mut self) -> io::Result<()> {
        let token = self.state().new_token(&self.request);
        match token {
            Some(token) => self.send(200, "", &format!("{{\"token\":\"{token}\"}}")),
            None => self.send(401, "", ""),
        }
    }

    fn answer_with_challenge(&mut self, repository: &str) -> io::Result<()> {
        let host = self.request.get("host").unwrap_or_default();
        let challenge = format!(
            "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"{}\",scope=\"repository:{repository}:pull\"\r\n",
            self.port
        );
        self.send(401, &challenge, "")
    }

    /// Sends an answer of the front's own; `fields` end with their line ends.
    fn send(&mut self, status: u16, fields: &str, body: &str) -> io::Result<()> {
        self.record(status);
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Test\r\n{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        self.client.write_all(head.as_bytes())?;
        if self.request.word(0) != "HEAD" {
            self.client.write_all(body.as_bytes())?;
        }
        self.client.flush()
    }

    /// Fetches the answer from the registry and passes it on, as the fault has it.
    fn forward(&mut self, fault: Option<&Fault>) -> io::Result<()> {
        let (mut head, mut body) = self.fetch(fault == Some(&Fault::IgnoreRange))?;
        self.record(head.word(1).parse().unwrap_or(0));
        if let Some(Fault::Delay(time)) = fault {
            thread::sleep(*time);
        }
        head.set("Connection", "close");
        let client = &mut self.client;
        client.write_all(head.text().as_bytes())?;
        match fault {
            Some(Fault::CutAfter(count)) => io::copy(&mut body.take(*count), client).map(drop),
            Some(Fault::Corrupt(offset)) => {
                io::copy(&mut body.by_ref().take(*offset), client)?;
                let mut byte = [0];
                body.read_exact(&mut byte)?;
                client.write_all(&[!byte[0]])?;
                io::copy(&mut body, client).map(drop)
            }
            Some(Fault::Trickle) => body.bytes().try_for_each(|byte| {
                client.write_all(&[byte?])?;
                thread::sleep(Duration::from_secs(1));
                Ok(())
            }),
            _ => io::copy(&mut body, client).map(drop),
        }
    }

    fn fetch(&self, without_range: bool) -> io::Result<(Head, BufReader<TcpStream>)> {
        let mut upstream = TcpStream::connect(self.state().upstream)?;
        let mut request = self.request.clone();
        request.set("Connection", "close");
        if without_range {
            request.remove("range");
        }
        upstream.write_all(request.text().as_bytes())?;
        upstream.write_all(&self.body)?;
        let mut response = BufReader::new(upstream);
        Ok((Head::read(&mut response)?, response))
    }

    fn record(&self, status: u16) {
        let request = Request {
            method: self.request.word(0).into(),
            path: self.request.word(1).into(),
            range: self.request.get("range").map(str::to_owned),
            authorization: self.request.get("authorization").map(str::to_owned),
            status,
        };
        self.state().requests.push(request);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// `/v2/NAME/manifests/…` or `/v2/NAME/blobs/…` → NAME.
fn repository(path: &str) -> &str {
    let name = path.strip_prefix("/v2/").unwrap_or_default();
    let end = name.rfind("/manifests/").or_else(|| name.rfind("/blobs/")).unwrap_or(0);
    &name[..end]
}

impl State {
    /// A token for whoever asks, if that one may have it.
    fn new_token(&mut self, request: &Head) -> Option<String> {
        let Tokens { user, .. } = self.tokens.as_ref()?;
        if let Some((name, password)) = user {
            let wanted = format!("Basic {}", base64(format!("{name}:{password}").as_bytes()));
            if request.get("authorization") != Some(&wanted) {
                return None;
            }
        }
        self.issued.push(0);
        Some(format!("token-{}", self.issued.len() - 1))
    }

    /// Whether the request may pass; counts the use of its token.
    fn accepts(&mut self, request: &Head) -> bool {
        let Some(Tokens { requests, .. }) = &self.tokens else { return true };
        let number = request.get("authorization").and_then(|value| value.strip_prefix("Bearer token-"));
        let number = number.and_then(|number| number.parse::<usize>().ok());
        let Some(used) = number.and_then(|number| self.issued.get_mut(number)) else { return false };
        *used += 1;
        requests.is_none_or(|most| *used <= most)
    }
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = ALPHABET[bits >> (18 - 6 * at) & 63];
            text.push(if at <= group.len() { letter.into() } else { '=' });
        }
    }
    text
}
