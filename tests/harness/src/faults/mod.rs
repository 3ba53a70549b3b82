//! A front before a registry or a store that fails on purpose, in the ways networks and servers do.

mod http;
mod relay;

use crate::registry::Registry;
use crate::server::free_port;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What goes wrong with a response. Offsets count in the bytes of this response's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes after that many bytes.
    CutAfter(u64),
    /// The connection closes after that many bytes of the request's body; nothing is passed on.
    CutRequestAfter(u64),
    /// The byte at that offset is another one.
    Corrupt(u64),
    /// Nothing is fetched; this status is the answer, with Retry-After in seconds if that is given.
    Status(u16, Option<u32>),
    /// A request for a range is answered with the whole (RFC 9110 section 14.2 allows it).
    IgnoreRange,
    /// The answer starts that much later.
    Delay(Duration),
    /// One byte a second.
    Trickle,
    /// The client is sent to that URL.
    Redirect(String),
}

/// Bearer tokens (distribution specification, "Token Authentication").
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// A token is refused after that many requests; `None` is never.
    pub requests: Option<u32>,
    /// Who may have a token: name and password. `None` is everybody.
    pub user: Option<(String, String)>,
}

/// A request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// With its query.
    pub path: String,
    /// The value of Range.
    pub range: Option<String>,
    /// The value of Authorization.
    pub authorization: Option<String>,
    /// The status of the answer.
    pub status: u16,
}

/// The front. It stops when the value is dropped.
#[derive(Debug)]
pub struct Faults {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    rules: Vec<Rule>,
    tokens: Option<Tokens>,
    /// Tokens that were given out are their number in here; the value counts the requests made with it.
    issued: Vec<u32>,
    requests: Vec<Request>,
    up: bool,
    over: bool,
}

#[derive(Debug)]
struct Rule {
    path: String,
    /// `None` is without end.
    times: Option<u32>,
    fault: Fault,
}

impl Faults {
    /// Before a registry that serves plain http.
    pub fn before(registry: &Registry) -> Self {
        Self::before_port(registry.port())
    }

    /// Before whatever serves plain http at that port of loopback.
    pub fn before_port(port: u16) -> Self {
        let state = State {
            upstream: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            rules: Vec::new(),
            tokens: None,
            issued: Vec::new(),
            requests: Vec::new(),
            up: true,
            over: false,
        };
        let faults = Self { port: free_port(), state: Arc::new(Mutex::new(state)) };
        let (port, state) = (faults.port, Arc::clone(&faults.state));
        // Bound before the first client comes.
        let listener = listen(port);
        thread::spawn(move || serve(port, listener, &state));
        faults
    }

    /// Every response whose path contains `path` has that fault. Where several rules match, the oldest counts.
    pub fn always(&self, path: &str, fault: Fault) {
        self.state().rules.push(Rule { path: path.into(), times: None, fault });
    }

    /// The first `times` responses whose path contains `path` have that fault.
    pub fn times(&self, times: u32, path: &str, fault: Fault) {
        self.state().rules.push(Rule { path: path.into(), times: Some(times), fault });
    }

    /// Demands tokens from now on; they come from `/token` of this front.
    pub fn demand_tokens(&self, tokens: Tokens) {
        self.state().tokens = Some(tokens);
    }

    /// Refuses connections until [`Faults::up`].
    pub fn down(&self) {
        self.state().up = false;
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
            thread::sleep(TICK);
        }
    }

    /// Accepts connections again.
    pub fn up(&self) {
        self.state().up = true;
    }

    /// What came in so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `HOST:PORT` for a client on this computer.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `HOST:PORT` for a guest on the user-mode network.
    pub fn guest_address(&self) -> String {
        format!("10.0.2.2:{}", self.port)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.state().over = true;
    }
}

impl State {
    /// The fault of the next response for `path`; counted as used.
    fn fault(&mut self, path: &str) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|rule| rule.times != Some(0) && path.contains(&rule.path))?;
        rule.times = rule.times.map(|times| times - 1);
        Some(rule.fault.clone())
    }
}

/// How often the listener looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(5);

fn listen(port: u16) -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn serve(port: u16, listener: TcpListener, state: &Arc<Mutex<State>>) {
    let mut listener = Some(listener);
    loop {
        let (up, over) = {
            let state = state.lock().unwrap();
            (state.up, state.over)
        };
        if over {
            return;
        }
        // Without a listener the kernel refuses connections, as a server does that is down.
        listener = if up { listener.or_else(|| Some(listen(port))) } else { None };
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((client, _))) => {
                let state = Arc::clone(state);
                // A client that hangs up ends its relay with an error that is nobody's.
                thread::spawn(move || relay::serve(client, port, &state));
            }
            _ => thread::sleep(TICK),
        }
    }
}
