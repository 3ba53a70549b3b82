//! Debian's docker-registry, the reference implementation of the distribution specification.

use crate::server::{Server, free_port};
use crate::tls::Certificate;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// How a [`Registry`] is to be reached.
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    /// Serve https with this certificate.
    pub tls: Option<Certificate>,
    /// Demand one of these names and passwords (basic authentication).
    pub users: Vec<(String, String)>,
}

/// A registry on loopback with a storage of its own.
#[derive(Debug)]
pub struct Registry {
    port: u16,
    /// Plain http without authentication on the same storage, for pushing.
    push_port: u16,
    _servers: Vec<Server>,
}

impl Registry {
    /// The one that all tests of this process may share; use names of your own in it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Over http, open to everybody.
    pub fn start() -> Self {
        Self::start_with(&RegistryOptions::default())
    }

    /// As `options` say.
    pub fn start_with(options: &RegistryOptions) -> Self {
        let folder = tempfile::Builder::new().prefix("b2c-registry").tempdir().unwrap().keep();
        let open = RegistryOptions::default();
        let (push_port, push_server) = serve(&folder, &open);
        if options.tls.is_none() && options.users.is_empty() {
            return Self { port: push_port, push_port, _servers: vec![push_server] };
        }
        let (port, server) = serve(&folder, options);
        Self { port, push_port, _servers: vec![server, push_server] }
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

    /// Where images are pushed to: always plain http, always open.
    pub(crate) fn push_address(&self) -> String {
        format!("127.0.0.1:{}", self.push_port)
    }
}

fn serve(folder: &Path, options: &RegistryOptions) -> (u16, Server) {
    let port = free_port();
    let config = folder.join(format!("config.{port}.yml"));
    fs::write(&config, configuration(folder, port, options)).unwrap();
    let server = Server::start("docker-registry", &["serve".as_ref(), config.as_os_str()], folder, port);
    (port, server)
}

/// The configuration file (distribution's docs/configuration.md).
fn configuration(folder: &Path, port: u16, options: &RegistryOptions) -> String {
    let storage = folder.join("storage");
    let mut text = format!(
        "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
         http:\n  addr: 127.0.0.1:{port}\n",
        storage.display()
    );
    if let Some(Certificate { chain, key }) = &options.tls {
        let (chain_file, key_file) = (folder.join("server.pem"), folder.join("server.key"));
        fs::write(&chain_file, chain).unwrap();
        fs::write(&key_file, key).unwrap();
        text += &format!("  tls: {{certificate: {}, key: {}}}\n", chain_file.display(), key_file.display());
    }
    if !options.users.is_empty() {
        let file = folder.join("htpasswd");
        let lines = options.users.iter().map(|(name, password)| format!("{name}:{}\n", bcrypt(password)));
        fs::write(&file, lines.collect::<String>()).unwrap();
        text += &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file.display());
    }
    text
}

/// The only hash that docker-registry takes. Perl is essential in Debian, and its `crypt` is libxcrypt's.
fn bcrypt(password: &str) -> String {
    let program = "print crypt($ARGV[0], q($2b$04$abcdefghijklmnopqrstuu))";
    let output = Command::new("perl").args(["-e", program, password]).output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    assert!(hash.starts_with("$2b$"), "perl made no bcrypt hash: {hash:?}");
    hash
}
