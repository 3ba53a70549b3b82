//! A file server that speaks SMB.

use crate::server::{Server, free_port};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Samba on loopback, with one folder as two shares: `open` is for everybody, `locked` for the user root with a password.
#[derive(Debug)]
pub struct SmbServer {
    port: u16,
    _server: Server,
}

impl SmbServer {
    /// Serves `folder`; who may come in is root there.
    pub fn start(folder: &Path, password: &str) -> Self {
        let work = tempfile::Builder::new().prefix("b2c-smb").tempdir().unwrap().keep();
        let port = free_port();
        let config = work.join("smb.conf");
        fs::write(&config, configuration(&work, folder, port)).unwrap();
        add_user(&config, password);
        let arguments = ["--foreground".as_ref(), "--configfile".as_ref(), config.as_os_str()];
        Self { port, _server: Server::start("smbd", &arguments, &work, port) }
    }

    /// `b2c.filesystem` that names a share, for a guest on the user-mode network; `options` begin with `|`.
    pub fn filesystem(&self, name: &str, share: &str, options: &str) -> String {
        format!("b2c.filesystem={name},src=//10.0.2.2/{share},opts=port={}{options}", self.port)
    }
}

fn configuration(work: &Path, folder: &Path, port: u16) -> String {
    let own = [
        "private dir",
        "lock directory",
        "state directory",
        "cache directory",
        "pid directory",
        "ncalrpc dir",
    ];
    let own = own.map(|name| format!("{name} = {}\n", work.display())).concat();
    format!(
        "[global]\nsmb ports = {port}\ninterfaces = lo\nbind interfaces only = yes\nmap to guest = Bad User\n\
         server min protocol = SMB3\nload printers = no\ndisable spoolss = yes\nlog file = {work}/smbd.log\n{own}\
         [open]\npath = {folder}\nread only = no\nguest ok = yes\nforce user = root\n\
         [locked]\npath = {folder}\nread only = no\nvalid users = root\n",
        work = work.display(),
        folder = folder.display(),
    )
}

/// Gives Samba's root that password.
fn add_user(config: &Path, password: &str) {
    let mut command = Command::new("smbpasswd");
    command.arg("-c").arg(config).args(["-s", "-a", "root"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut adding = command.spawn().unwrap();
    writeln!(adding.stdin.take().unwrap(), "{password}\n{password}").unwrap();
    assert!(adding.wait().unwrap().success(), "smbpasswd fails");
}
