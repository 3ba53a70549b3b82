//! Garage, a real S3 server: one node, one copy of everything.

use super::program;
use crate::server::{Server, free_port};
use std::fs;
use std::path::Path;

/// The version that tools/setup installs.
const VERSION: &str = "2.5.0";
const ADMIN_TOKEN: &str = "admin-token-of-the-tests";

/// An S3 server on loopback with storage of its own. There is one access key; it owns all buckets.
#[derive(Debug)]
pub struct Garage {
    port: u16,
    admin_port: u16,
    server: Server,
}

impl Garage {
    /// Its access key ID.
    pub const ACCESS_KEY: &str = "GK0123456789abcdef01234567";
    /// The secret that belongs to it.
    pub const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// In the region that clients assume.
    pub fn start() -> Self {
        Self::start_in("us-east-1")
    }

    /// In that region. Buckets are found in the path and in front of the host `s3.amazonaws.com`.
    pub fn start_in(region: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("b2c-garage").tempdir().unwrap().keep();
        let (port, admin_port) = (free_port(), free_port());
        let config = folder.join("garage.toml");
        fs::write(&config, configuration(&folder, region, port, admin_port)).unwrap();
        let arguments = [
            format!("GARAGE_DEFAULT_ACCESS_KEY={}", Self::ACCESS_KEY),
            format!("GARAGE_DEFAULT_SECRET_KEY={}", Self::SECRET_KEY),
            "RUST_LOG=garage=warn".to_owned(),
            program("garage", VERSION).display().to_string(),
            format!("--config={}", config.display()),
            "server".to_owned(),
            "--single-node".to_owned(),
            "--default-access-key".to_owned(),
        ];
        let server = Server::start("env", &arguments, &folder, port);
        let garage = Self { port, admin_port, server };
        garage.wait_for_key();
        garage
    }

    /// A new bucket.
    pub fn create_bucket(&self, name: &str) {
        let created = self.admin("CreateBucket", &serde_json::json!({ "globalAlias": name }));
        let permissions = serde_json::json!({ "read": true, "write": true, "owner": true });
        self.admin(
            "AllowBucketKey",
            &serde_json::json!({
                "bucketId": created["id"], "accessKeyId": Self::ACCESS_KEY, "permissions": permissions
            }),
        );
    }

    /// Kills it, as a power cut does; what it has stored stays.
    pub fn stop(&mut self) {
        self.server.kill();
    }

    /// Starts it again after [`Garage::stop`].
    pub fn start_again(&mut self) {
        self.server.start_again();
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL for a client on this computer.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its URL for a guest on the user-mode network.
    pub fn guest_endpoint(&self) -> String {
        format!("http://10.0.2.2:{}", self.port)
    }

    /// The port is open before the key is there.
    fn wait_for_key(&self) {
        let query = format!("GetKeyInfo?id={}", Self::ACCESS_KEY);
        let url = format!("http://127.0.0.1:{}/v2/{query}", self.admin_port);
        for _ in 0..500 {
            let request = ureq::get(&url).header("Authorization", format!("Bearer {ADMIN_TOKEN}"));
            if request.call().is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("garage did not make its access key");
    }

    /// Garage's "Administration API v2".
    fn admin(&self, call: &str, body: &serde_json::Value) -> serde_json::Value {
        let url = format!("http://127.0.0.1:{}/v2/{call}", self.admin_port);
        let request = ureq::post(&url).header("Authorization", format!("Bearer {ADMIN_TOKEN}"));
        let answer = request.send(body.to_string()).unwrap().into_body().read_to_string().unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

/// The configuration file (Garage's "Configuration file format").
fn configuration(folder: &Path, region: &str, port: u16, admin_port: u16) -> String {
    let folder = folder.display();
    let (rpc_port, secret) = (free_port(), "00".repeat(32));
    format!(
        "metadata_dir = \"{folder}/meta\"\ndata_dir = \"{folder}/data\"\ndb_engine = \"sqlite\"\n\
         metadata_fsync = false\ndata_fsync = false\nreplication_factor = 1\n\
         rpc_bind_addr = \"127.0.0.1:{rpc_port}\"\nrpc_public_addr = \"127.0.0.1:{rpc_port}\"\nrpc_secret = \"{secret}\"\n\
         [s3_api]\ns3_region = \"{region}\"\napi_bind_addr = \"127.0.0.1:{port}\"\nroot_domain = \".s3.amazonaws.com\"\n\
         [admin]\napi_bind_addr = \"127.0.0.1:{admin_port}\"\nadmin_token = \"{ADMIN_TOKEN}\"\n"
    )
}
