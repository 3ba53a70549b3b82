//! A web server, and a proxy in front of the world.

use crate::server::{Server, free_port};
use crate::tls::Certificate;
use std::fs;
use std::path::{Path, PathBuf};

/// nginx on loopback, which serves files that tests put there.
#[derive(Debug)]
pub struct WebServer {
    port: u16,
    secure: bool,
    folder: PathBuf,
    _server: Server,
}

impl WebServer {
    /// Over https with a certificate, else over http.
    pub fn start(tls: Option<&Certificate>) -> Self {
        let folder = tempfile::Builder::new().prefix("b2c-web").tempdir().unwrap().keep();
        fs::create_dir(folder.join("files")).unwrap();
        let port = free_port();
        let config = folder.join("nginx.conf");
        fs::write(&config, configuration(&folder, port, tls)).unwrap();
        let arguments = ["-c".as_ref(), config.as_os_str(), "-e".as_ref(), "stderr".as_ref()];
        let server = Server::start("nginx", &arguments, &folder, port);
        Self { port, secure: tls.is_some(), folder, _server: server }
    }

    /// Puts a file there; gives its URL for a guest on the user-mode network.
    pub fn put(&self, name: &str, contents: &str) -> String {
        fs::write(self.folder.join("files").join(name), contents).unwrap();
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://10.0.2.2:{}/{name}", self.port)
    }
}

fn configuration(folder: &Path, port: u16, tls: Option<&Certificate>) -> String {
    let (mut ssl, mut files) = ("", String::new());
    if let Some(Certificate { chain, key }) = tls {
        let (chain_file, key_file) = (folder.join("server.pem"), folder.join("server.key"));
        fs::write(&chain_file, chain).unwrap();
        fs::write(&key_file, key).unwrap();
        ssl = " ssl";
        files =
            format!("ssl_certificate {}; ssl_certificate_key {};", chain_file.display(), key_file.display());
    }
    let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let own = own.map(|name| format!("{name}_temp_path {}/{name};\n", folder.display())).concat();
    format!(
        "user root; daemon off; worker_processes 1; pid {folder}/pid;\nevents {{}}\n\
         http {{\naccess_log off;\n{own}server {{ listen 127.0.0.1:{port}{ssl}; root {folder}/files; {files} }}\n}}\n",
        folder = folder.display(),
    )
}

/// tinyproxy on loopback, for whoever has the password.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    log: PathBuf,
    _server: Server,
}

impl Proxy {
    /// Who may use it.
    pub const USER: &'static str = "farm";
    /// His password.
    pub const PASSWORD: &'static str = "hunter2";

    /// Reaches all that this computer reaches.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("b2c-proxy").tempdir().unwrap().keep();
        let (port, log) = (free_port(), folder.join("requests"));
        let config = folder.join("tinyproxy.conf");
        let text = format!(
            "Listen 127.0.0.1\nPort {port}\nTimeout 60\nMaxClients 50\nLogLevel Info\nLogFile \"{}\"\nBasicAuth {} {}\n",
            log.display(),
            Self::USER,
            Self::PASSWORD
        );
        fs::write(&config, text).unwrap();
        let arguments = ["-d".as_ref(), "-c".as_ref(), config.as_os_str()];
        Self { port, log, _server: Server::start("tinyproxy", &arguments, &folder, port) }
    }

    /// Its URL for a guest on the user-mode network, with the password.
    pub fn url(&self) -> String {
        format!("http://{}:{}@10.0.2.2:{}", Self::USER, Self::PASSWORD, self.port)
    }

    /// Whether it was asked for that.
    pub fn heard(&self, text: &str) -> bool {
        fs::read_to_string(&self.log).unwrap().contains(text)
    }
}
