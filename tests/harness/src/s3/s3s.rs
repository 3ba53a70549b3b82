//! s3s-fs, another implementation of S3, which keeps objects as files: not all servers are like Garage.

use super::{Garage, program};
use crate::server::{Server, free_port};
use std::fs;
use std::path::PathBuf;

/// The version that tools/setup installs.
const VERSION: &str = "0.14.1";

/// An S3 server on loopback with storage of its own, and with [`Garage`]'s access key.
#[derive(Debug)]
pub struct S3s {
    port: u16,
    root: PathBuf,
    _server: Server,
}

impl S3s {
    /// Without any buckets.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("b2c-s3s").tempdir().unwrap().keep();
        let (port, root) = (free_port(), folder.join("root"));
        fs::create_dir(&root).unwrap();
        let arguments = [
            "--host=127.0.0.1".to_owned(),
            format!("--port={port}"),
            format!("--access-key={}", Garage::ACCESS_KEY),
            format!("--secret-key={}", Garage::SECRET_KEY),
            root.display().to_string(),
        ];
        let program = program("s3s-fs", VERSION).display().to_string();
        let server = Server::start(&program, &arguments, &folder, port);
        Self { port, root, _server: server }
    }

    /// A new bucket.
    pub fn create_bucket(&self, name: &str) {
        fs::create_dir(self.root.join(name)).unwrap();
    }

    /// Its URL for a client on this computer.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
