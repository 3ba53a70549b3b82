//! Servers of files and of drives, for machines that keep their things elsewhere.

use crate::server::{Server, free_port};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// NFS-Ganesha has to tell a portmapper where its version 3 is, and finds that by a socket in /run. So it gets a /run of its own, with a portmapper that is
/// alone in its network: nobody asks it, because clients are told the ports.
const WITH_PORTMAPPER: &str = r#"mount -t tmpfs run /run; unshare --net rpcbind -f & rpcbind=$!; until [ -e /run/rpcbind.sock ]; do sleep 0.1; done; "$@" & trap 'kill $! $rpcbind; exit' TERM; wait"#;

/// A folder, exported by NFS-Ganesha.
#[derive(Debug)]
pub struct NfsServer {
    /// For a guest on the user-mode network.
    source: String,
    options: String,
    _server: Server,
}

impl NfsServer {
    /// Serves `folder` on loopback by version 4, which needs no other service; root on the client is root.
    pub fn start(folder: &Path) -> Self {
        let work = tempfile::Builder::new().prefix("b2c-nfs").tempdir().unwrap().keep();
        let port = free_port();
        let arguments = ganesha(&work, folder, &format!("Protocols = 4; NFS_Port = {port};"));
        let server = Server::start("ganesha.nfsd", &arguments, &work, port);
        Self { source: "10.0.2.2:/share".into(), options: format!("port={port}"), _server: server }
    }

    /// The same by version 3.
    pub fn start_v3(folder: &Path) -> Self {
        let work = tempfile::Builder::new().prefix("b2c-nfs").tempdir().unwrap().keep();
        let (port, mount_port) = (free_port(), free_port());
        let settings = format!("Protocols = 3; NFS_Port = {port}; MNT_Port = {mount_port};");
        let mut arguments =
            ["--mount", "sh", "-c", WITH_PORTMAPPER, "sh", "ganesha.nfsd"].map(OsString::from).to_vec();
        arguments.extend(ganesha(&work, folder, &settings));
        let server = Server::start("unshare", &arguments, &work, port);
        // Version 3 knows no names of shares but the folders' own.
        let source = format!("10.0.2.2:{}", folder.display());
        Self {
            source,
            options: format!("vers=3|port={port}|mountport={mount_port}|proto=tcp"),
            _server: server,
        }
    }

    /// `b2c.filesystem` that names it; `options` begin with `|`.
    pub fn filesystem(&self, name: &str, options: &str) -> String {
        format!("b2c.filesystem={name},src={},opts={}{options}", self.source, self.options)
    }
}

/// NFS-Ganesha's arguments, with a configuration in `work`.
fn ganesha(work: &Path, folder: &Path, settings: &str) -> Vec<OsString> {
    let config = work.join("ganesha.conf");
    let text = format!(
        "NFS_CORE_PARAM {{ {settings} Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }}\n\
         NFSv4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = {work}; }}\n\
         EXPORT {{ Export_Id = 1; Path = {folder}; Pseudo = /share; Access_Type = RW; Squash = No_Root_Squash; SecType = sys; FSAL {{ Name = VFS; }} }}\n",
        work = work.display(),
        folder = folder.display(),
    );
    fs::write(&config, text).unwrap();
    let (log, pid) = (work.join("ganesha.log"), work.join("pid"));
    ["-F".into(), "-f".into(), config.into(), "-L".into(), log.into(), "-p".into(), pid.into()].to_vec()
}

/// nbd-server serves more than one client only as a daemon, with a process of the same group for each.
const DAEMON: &str = r#"nbd-server "127.0.0.1:$1" "$2" -C /dev/null -p "$3"; trap 'kill -- "-$(cat "$3")" $!; exit' TERM; sleep infinity & wait"#;

/// Which program serves a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NbdProgram {
    /// The protocol's reference implementation.
    NbdServer,
    /// QEMU's.
    QemuNbd,
}

/// A raw image, exported as the default export of an NBD server.
#[derive(Debug)]
pub struct NbdServer {
    program: NbdProgram,
    image: PathBuf,
    port: u16,
    server: Option<Server>,
}

impl NbdServer {
    /// Serves `image` on loopback, for several connections.
    pub fn start(program: NbdProgram, image: &Path) -> Self {
        let mut server = Self { program, image: image.to_owned(), port: free_port(), server: None };
        server.up();
        server
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server; its clients lose their connections.
    pub fn down(&mut self) {
        self.server = None;
    }

    /// Starts it again, on the same port.
    pub fn up(&mut self) {
        let work = tempfile::Builder::new().prefix("b2c-nbd").tempdir().unwrap().keep();
        let (port, image) = (self.port.to_string(), self.image.to_str().unwrap());
        let server = match self.program {
            NbdProgram::NbdServer => {
                let pid = work.join("pid");
                let arguments = ["-c", DAEMON, "sh", &port, image, pid.to_str().unwrap()];
                Server::start("sh", &arguments, &work, self.port)
            }
            NbdProgram::QemuNbd => {
                let port = format!("--port={port}");
                let arguments =
                    ["--format=raw", "--persistent", "--shared=8", "--bind=127.0.0.1", &port, image];
                Server::start("qemu-nbd", &arguments, &work, self.port)
            }
        };
        self.server = Some(server);
    }
}

/// A folder of this computer, shared by QEMU's virtiofsd under a tag. For one machine: it ends with that.
#[derive(Debug)]
pub struct VirtioFs {
    folder: TempDir,
    tag: String,
    daemon: Child,
}

impl VirtioFs {
    /// Shares `folder` as `tag`.
    pub fn start(folder: &Path, tag: &str) -> Self {
        let work = tempfile::Builder::new().prefix("b2c-virtiofs").tempdir().unwrap();
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "--",
            "/usr/lib/qemu/virtiofsd",
            "-f",
            "-o",
            "sandbox=chroot,xattr",
        ]);
        command.arg(format!("--socket-path={}", work.path().join("socket").display()));
        command.arg("-o").arg(format!("source={}", folder.display()));
        let daemon =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { folder: work, tag: tag.to_owned(), daemon }
    }

    /// What QEMU has to be told; the machine's memory, such as `384M`, is shared with the daemon.
    pub fn arguments(&self, memory: &str) -> Vec<String> {
        let socket = self.folder.path().join("socket");
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "virtiofsd does not start");
            thread::sleep(Duration::from_millis(20));
        }
        let words = format!(
            "-chardev socket,id=virtiofs,path={} -device vhost-user-fs-pci,chardev=virtiofs,tag={} \
             -object memory-backend-memfd,id=memory,size={memory},share=on -numa node,memdev=memory",
            socket.display(),
            self.tag
        );
        words.split(' ').map(str::to_owned).collect()
    }
}

impl Drop for VirtioFs {
    fn drop(&mut self) {
        // It may have ended with its machine.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
