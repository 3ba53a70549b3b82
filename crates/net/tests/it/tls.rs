//! TLS with a private authority, against Python's server (OpenSSL).

use crate::web::{Server, config, get, say, serve_once};
use net::http::{Client, Error, Proxy, Request};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use std::fs;
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use tempfile::TempDir;

/// A private authority, and the folder where its certificate is.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("ca")).unwrap();
        fs::write(folder.path().join("ca/test.crt"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    /// A server with a certificate for that name, valid between the first days of two years.
    fn server(&self, name: &str, from: i32, until: i32) -> Server {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (crt, pem) = (self.folder.path().join("crt.pem"), self.folder.path().join("key.pem"));
        fs::write(&crt, certificate.pem()).unwrap();
        fs::write(&pem, key.serialize_pem()).unwrap();
        Server::start(&[crt.as_os_str(), pem.as_os_str()])
    }

    pub fn good_server(&self) -> Server {
        self.server("127.0.0.1", 2000, 4000)
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("ca")
    }

    /// A client that trusts this authority.
    fn client(&self) -> Client {
        Client::new(net::http::Config { ca_dirs: vec![self.folder()], ..config() })
    }
}

fn url(server: &Server) -> String {
    format!("https://127.0.0.1:{}/connections", server.port)
}

/// The refusal, after its host.
fn refusal(client: &Client, server: &Server) -> String {
    let error = client.send(&Request::get(url(server))).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }) && !error.is_transient(), "{error}");
    let head = format!("TLS with 127.0.0.1:{}: ", server.port);
    error.to_string().strip_prefix(&head).unwrap().to_owned()
}

#[test]
fn a_private_authority_is_trusted_where_its_file_is() {
    let authority = Authority::new();
    let server = authority.good_server();
    let client = authority.client();
    assert_eq!(get(&client, &url(&server)), "1");
    assert_eq!(get(&client, &url(&server)), "1", "the connection is used again");
    let refused = refusal(&Client::new(config()), &server);
    assert!(
        refused.starts_with("no known authority signed its certificate: put the authority's PEM file"),
        "{refused}"
    );
    let other = refusal(&Authority::new().client(), &server);
    assert!(other.starts_with("no known authority"), "{other}");
}

#[test]
fn a_server_that_is_its_own_authority_is_trusted_by_its_certificate() {
    let start = |name: &str| {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let folder = TempDir::new().unwrap();
        let (crt, pem) = (folder.path().join("crt.pem"), folder.path().join("key.pem"));
        fs::write(&crt, certificate).unwrap();
        fs::write(&pem, key.serialize_pem()).unwrap();
        let server = Server::start(&[crt.as_os_str(), pem.as_os_str()]);
        let ca_dirs = vec![folder.path().to_owned()];
        fs::remove_file(pem).unwrap();
        (server, Client::new(net::http::Config { ca_dirs, ..config() }), folder)
    };
    let (server, client, _folder) = start("127.0.0.1");
    assert_eq!(get(&client, &url(&server)), "1");
    let stranger = refusal(&Client::new(config()), &server);
    assert!(stranger.starts_with("its certificate is its own authority's: put its PEM file"), "{stranger}");
    let (server, client, _folder) = start("registry.example");
    let name = refusal(&client, &server);
    assert!(name.starts_with("its certificate is for another name ("), "{name}");
}

#[test]
fn files_that_are_no_certificates_are_skipped() {
    let authority = Authority::new();
    let folder = authority.folder();
    fs::write(folder.join("0-readme"), "Certificates go here.").unwrap();
    fs::write(folder.join("0-broken.pem"), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
        .unwrap();
    fs::write(folder.join("0-rubbish.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    fs::write(folder.join("0-binary"), [0xff; 1000]).unwrap();
    fs::write(folder.join("1-again.crt"), authority.issuer.pem().repeat(2)).unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("dangling.pem")).unwrap();
    let ca_dirs = vec!["/does/not/exist".into(), folder];
    let client = Client::new(net::http::Config { ca_dirs, ..config() });
    assert_eq!(get(&client, &url(&authority.good_server())), "1");
}

#[test]
fn an_authority_that_is_named_is_trusted() {
    let authority = Authority::new();
    let server = authority.good_server();
    let named = |pem: &str| {
        let authorities = vec![net::http::Authority::parse(pem.as_bytes()).unwrap()];
        Client::new(net::http::Config { authorities, ..config() })
    };
    let bundle = format!("{}\nand\n{}", Authority::new().issuer.pem(), authority.issuer.pem());
    assert_eq!(get(&named(&bundle), &url(&server)), "1");
    let other = refusal(&named(&Authority::new().issuer.pem()), &server);
    assert!(other.starts_with("no known authority") && other.contains("b2c.ca"), "{other}");
}

#[test]
fn what_is_no_authority_says_why() {
    let refused = |pem: &str| net::http::Authority::parse(pem.as_bytes()).unwrap_err().to_string();
    let pem = Authority::new().issuer.pem();
    let rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(refused(""), "it holds no PEM certificate");
    assert_eq!(refused("<html>Not found</html>"), "it holds no PEM certificate");
    let cut = refused(&pem[..pem.len() / 2]);
    assert!(cut.starts_with("it is not a proper PEM file: "), "{cut}");
    let second = refused(&format!("{pem}{rubbish}"));
    assert!(second.starts_with("its certificate 2 cannot be used: "), "{second}");
}

#[test]
fn times_and_names_are_checked() {
    let authority = Authority::new();
    let client = authority.client();
    let expired = refusal(&client, &authority.server("127.0.0.1", 2000, 2001));
    let clock =
        format!("this machine's clock says {} (b2c.ntp_peer sets it) (", net::clock::date(net::clock::now()));
    assert!(expired.starts_with(&format!("its certificate has expired; {clock}")), "{expired}");
    let early = refusal(&client, &authority.server("127.0.0.1", 3999, 4000));
    let fault = format!("its certificate is not yet valid, so the clock is wrong; {clock}");
    assert!(early.starts_with(&fault), "{early}");
    let name = refusal(&client, &authority.server("registry.example", 2000, 4000));
    assert!(name.starts_with("its certificate is for another name ("), "{name}");
}

#[test]
fn anything_goes_without_verification() {
    let authority = Authority::new();
    let client = Client::new(config());
    for server in [
        authority.good_server(),
        authority.server("127.0.0.1", 2000, 2001),
        authority.server("registry.example", 2000, 4000),
    ] {
        let response = client.send(&Request::get(url(&server)).tls_verify(false)).unwrap();
        assert_eq!(response.status, 200);
        // The connection that is open now is no way around the proof.
        drop(response);
        refusal(&client, &server);
    }
}

#[test]
fn a_server_without_tls_is_named_as_such() {
    let server = Server::start(&[]);
    let refused = refusal(&Client::new(config()), &server);
    assert!(refused.starts_with("the server does not speak TLS: is this an http:// address?"), "{refused}");
}

#[test]
fn tls_goes_through_a_tunnel() {
    let authority = Authority::new();
    let server = authority.good_server();
    let port = server.port;
    let (proxy, head) = serve_once(move |mut client| {
        say(&client, "HTTP/1.1 200 Connection established\r\n\r\n");
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut server, &mut client);
    });
    let proxy = Proxy { https: Some(proxy), ..Proxy::default() };
    let client =
        Client::new(net::http::Config { proxy: Some(proxy), ca_dirs: vec![authority.folder()], ..config() });
    assert_eq!(get(&client, &url(&server)), "1");
    // Closes the connection, and with it the tunnel.
    drop(client);
    assert!(head.join().unwrap().starts_with(&format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n")));
}

#[test]
fn redirects_do_not_lead_out_of_tls() {
    let authority = Authority::new();
    let (secure, plain) = (authority.good_server(), Server::start(&[]));
    let client = authority.client();
    let there = format!("https://127.0.0.1:{}/redirect?to={}", secure.port, plain.url("/echo"));
    let error = client.send(&Request::get(&there)).unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    assert!(error.to_string().ends_with(&format!("from https to {}", plain.url("/echo"))), "{error}");
    // But for whom it does not matter who the server is, what it says in the open is as good.
    assert!(client.send(&Request::get(&there).tls_verify(false)).is_ok());
    // The other way is an improvement.
    let here = plain.url(&format!("/redirect?to=https://127.0.0.1:{}/echo", secure.port));
    assert!(get(&client, &here).starts_with("GET /echo "));
}
