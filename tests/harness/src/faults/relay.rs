//! One connection of a client: a request, and the response with its fault.

use super::http::Head;
use super::{Fault, Request, State, Tokens};
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Answers one request.
pub fn serve(mut client: TcpStream, port: u16, state: &Mutex<State>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let mut reader = BufReader::new(client.try_clone()?);
    let request = Head::read(&mut reader)?;
    let length = request.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    // Only the form of a token request has a body, and it is not needed.
    io::copy(&mut reader.take(length), &mut io::sink())?;
    let mut answer =
        |status, fields: &str, body: &str| answer(&mut client, state, &request, status, fields, body);

    let path = request.word(1).to_owned();
    let host = request.get("host").unwrap_or_default();
    if path.starts_with("/token") {
        let token = state.lock().unwrap().new_token(&request);
        return match token {
            Some(token) => answer(200, "", &format!("{{\"token\":\"{token}\"}}")),
            None => answer(401, "", ""),
        };
    }
    if !state.lock().unwrap().accepts(&request) {
        let challenge = format!(
            "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"{port}\",scope=\"repository:{}:pull\"\r\n",
            repository(&path)
        );
        return answer(401, &challenge, "");
    }
    let fault = state.lock().unwrap().fault(&path);
    match fault {
        Some(Fault::Status(status, retry_after)) => {
            let field = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
            answer(status, &field.unwrap_or_default(), "")
        }
        Some(Fault::Redirect(url)) => answer(307, &format!("Location: {url}\r\n"), ""),
        fault => forward(&mut client, &request, fault.as_ref(), state),
    }
}

/// An answer of the front's own.
fn answer(
    client: &mut TcpStream,
    state: &Mutex<State>,
    request: &Head,
    status: u16,
    fields: &str,
    body: &str,
) -> io::Result<()> {
    record(state, request, status);
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Test\r\n{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    client.write_all(head.as_bytes())?;
    if request.word(0) != "HEAD" {
        client.write_all(body.as_bytes())?;
    }
    client.flush()
}

fn record(state: &Mutex<State>, request: &Head, status: u16) {
    state.lock().unwrap().requests.push(Request {
        method: request.word(0).into(),
        path: request.word(1).into(),
        range: request.get("range").map(str::to_owned),
        authorization: request.get("authorization").map(str::to_owned),
        status,
    });
}

/// Fetches the answer from the registry and passes it on, as the fault has it.
fn forward(
    client: &mut TcpStream,
    request: &Head,
    fault: Option<&Fault>,
    state: &Mutex<State>,
) -> io::Result<()> {
    let mut upstream = TcpStream::connect(state.lock().unwrap().upstream)?;
    let mut wanted = request.clone();
    wanted.set("Connection", "close");
    if fault == Some(&Fault::IgnoreRange) {
        wanted.remove("range");
    }
    upstream.write_all(wanted.text().as_bytes())?;
    let mut response = BufReader::new(upstream);
    let mut head = Head::read(&mut response)?;
    head.set("Connection", "close");
    record(state, request, head.word(1).parse().unwrap_or(0));
    if let Some(Fault::Delay(time)) = fault {
        thread::sleep(*time);
    }
    client.write_all(head.text().as_bytes())?;
    match fault {
        Some(Fault::CutAfter(count)) => io::copy(&mut response.take(*count), client).map(drop),
        Some(Fault::Corrupt(offset)) => {
            io::copy(&mut response.by_ref().take(*offset), client)?;
            let mut byte = [0];
            response.read_exact(&mut byte)?;
            client.write_all(&[!byte[0]])?;
            io::copy(&mut response, client).map(drop)
        }
        Some(Fault::Trickle) => response.bytes().try_for_each(|byte| {
            client.write_all(&[byte?])?;
            thread::sleep(Duration::from_secs(1));
            Ok(())
        }),
        _ => io::copy(&mut response, client).map(drop),
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
