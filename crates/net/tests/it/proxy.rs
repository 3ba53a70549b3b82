//! Requests through a real proxy, Debian's tinyproxy.

use crate::lab::until;
use crate::tls::Authority;
use crate::web::{Server, config, get};
use net::http::{Client, Error, Proxy, Request};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A proxy that logs what it is asked for, and ends when it is dropped.
struct Tinyproxy {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Tinyproxy {
    /// With `user:password` it serves nobody else.
    fn start(user: Option<(&str, &str)>) -> Tinyproxy {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let auth = user.map(|(name, password)| format!("BasicAuth {name} {password}\n")).unwrap_or_default();
        let log = folder.path().join("log");
        let settings = format!(
            "Listen 127.0.0.1\nPort {port}\nTimeout 60\nMaxClients 20\nLogLevel Info\nLogFile \"{}\"\n{auth}",
            log.display()
        );
        fs::write(folder.path().join("conf"), settings).unwrap();
        let child = Command::new("tinyproxy")
            .args(["-d", "-c"])
            .arg(folder.path().join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let proxy = Tinyproxy { child, port, folder };
        until("a proxy", || TcpStream::connect(("127.0.0.1", port)).ok());
        proxy
    }

    /// Whether it was asked for that.
    fn heard(&self, text: &str) -> bool {
        fs::read_to_string(self.folder.path().join("log")).unwrap().contains(text)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Tinyproxy {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn through(proxy: &str, no: &[&str], authority: &Authority) -> Client {
    let no = no.iter().map(ToString::to_string).collect();
    let proxy = Proxy { http: Some(proxy.into()), https: Some(proxy.into()), no };
    Client::new(net::http::Config { proxy: Some(proxy), ca_dirs: vec![authority.folder()], ..config() })
}

fn failure(client: &Client, url: &str) -> Error {
    client.send(&Request::get(url)).unwrap_err()
}

#[test]
fn http_by_its_whole_url_and_https_by_a_tunnel() {
    let (proxy, authority) = (Tinyproxy::start(None), Authority::new());
    let (plain, secure) = (Server::start(&[]), authority.good_server());
    let client = through(&proxy.url(), &[], &authority);
    let seen = get(&client, &plain.url("/echo")).to_lowercase();
    assert!(seen.starts_with("get /echo http/1.1\n") && seen.contains("via: "), "{seen}");
    assert!(proxy.heard(&format!("GET http://127.0.0.1:{}/echo", plain.port)));
    // What is in a tunnel, the proxy neither sees nor changes.
    let seen = get(&client, &format!("https://127.0.0.1:{}/echo", secure.port)).to_lowercase();
    assert!(seen.starts_with("get /echo http/1.1\n") && !seen.contains("via: "), "{seen}");
    assert!(proxy.heard(&format!("CONNECT 127.0.0.1:{}", secure.port)));
}

#[test]
fn hosts_of_no_are_reached_directly() {
    let (proxy, authority) = (Tinyproxy::start(None), Authority::new());
    let server = Server::start(&[]);
    let client = through(&proxy.url(), &["localhost"], &authority);
    let direct = get(&client, &format!("http://localhost:{}/echo", server.port)).to_lowercase();
    assert!(!direct.contains("via: "), "{direct}");
    assert!(get(&client, &server.url("/echo")).to_lowercase().contains("via: "));
}

#[test]
fn a_proxy_that_wants_a_password() {
    let (proxy, authority) = (Tinyproxy::start(Some(("me", "pass-word"))), Authority::new());
    let (plain, secure) = (Server::start(&[]), authority.good_server());
    let urls = [plain.url("/connections"), format!("https://127.0.0.1:{}/connections", secure.port)];
    let client = through(&proxy.url().replace("//", "//me:pass%2Dword@"), &[], &authority);
    for url in &urls {
        assert_eq!(get(&client, url), "1");
    }
    let nobody = through(&proxy.url(), &[], &authority);
    for url in &urls {
        let error = failure(&nobody, url);
        assert!(matches!(error, Error::Proxy { .. }) && !error.is_transient(), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("407") && text.contains("are the user and the password right in b2c.proxy"),
            "{text}"
        );
    }
    let wrong = through(&proxy.url().replace("//", "//me:hunter2@"), &[], &authority);
    let error = failure(&wrong, &urls[1]);
    assert!(matches!(error, Error::Proxy { .. }) && !error.to_string().contains("hunter2"), "{error:?}");
}

#[test]
fn a_proxy_that_is_down_is_named() {
    let authority = Authority::new();
    // Bound, so that nobody else listens there, and not listening.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = through(&format!("http://me:hunter2@127.0.0.1:{port}"), &[], &authority);
    for url in ["http://registry.invalid/v2/", "https://registry.invalid/v2/"] {
        let error = failure(&client, url);
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to the proxy 127.0.0.1:{port} (b2c.proxy): Connection refused (os error 111)"
            )
        );
        assert!(error.is_transient());
    }
    let client = through("http://proxy.invalid:3128", &[], &authority);
    for url in ["http://127.0.0.1/", "https://127.0.0.1/"] {
        let text = failure(&client, url).to_string();
        assert!(text.starts_with("host \"proxy.invalid\" cannot be found: "), "{text}");
    }
}
