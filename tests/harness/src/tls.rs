//! Private certificate authorities and the certificates they sign, made by the openssl command.

use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A server's certificate and its private key, both as PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

/// A private certificate authority.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// A new one; each has a key of its own, so that the certificates of one mean nothing to the other.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("b2c-ca").tempdir().unwrap();
        let request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
                       -subj /CN=b2c-test-authority -keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign";
        openssl(folder.path(), request);
        for (name, contents) in [("ca.cnf", CA_CONFIGURATION), ("index.txt", ""), ("serial", "01\n")] {
            fs::write(folder.path().join(name), contents).unwrap();
        }
        Self { folder }
    }

    /// Its own certificate as PEM, to be trusted by the clients.
    pub fn certificate(&self) -> String {
        self.read("ca.pem")
    }

    /// A certificate for a server of these names; addresses count as names: `&["localhost", "10.0.2.2"]`.
    pub fn sign(&self, names: &[&str]) -> Certificate {
        self.sign_between(names, "20200101000000Z", "20600101000000Z")
    }

    /// One that is valid between the two times (`YYYYMMDDHHMMSSZ`).
    pub fn sign_between(&self, names: &[&str], from: &str, to: &str) -> Certificate {
        let folder = self.folder.path();
        let alternatives = names.iter().map(|name| match name.parse::<std::net::IpAddr>() {
            Ok(address) => format!("IP:{address}"),
            Err(_) => format!("DNS:{name}"),
        });
        let alternatives = alternatives.collect::<Vec<_>>().join(",");
        let extensions = format!("subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\n");
        fs::write(folder.join("server.ext"), extensions).unwrap();
        let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=b2c-test-server \
                       -keyout server.key -out server.csr";
        openssl(folder, request);
        let sign = "ca -batch -notext -config ca.cnf -in server.csr -out server.pem -extfile server.ext";
        openssl(folder, &format!("{sign} -startdate {from} -enddate {to}"));
        Certificate { chain: self.read("server.pem"), key: self.read("server.key") }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// What `openssl ca` does not take as an argument.
const CA_CONFIGURATION: &str = "\
[ca]
default_ca = test
[test]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
";

fn openssl(folder: &Path, arguments: &str) {
    let output =
        Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}:\n{}", String::from_utf8_lossy(&output.stderr));
}
