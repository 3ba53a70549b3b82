//! A volume on each kind of share, written by the machine and read by its server.

use crate::support::run;
use harness::{Boot, NfsServer, SmbServer};
use std::path::Path;
use tempfile::TempDir;

/// A folder with a file for the machine.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("b2c-share").tempdir().unwrap();
    std::fs::write(folder.path().join("before"), "from the server\n").unwrap();
    folder
}

/// Boots with a volume on the share that the words call `share`; both sides see what the other wrote.
#[track_caller]
fn expect_shared(folder: &Path, filesystem: &str) {
    let step = "cat /data/before; mkdir -p /data/made; echo from the machine > /data/made/after";
    let outcome = Boot::new(&run("-v data:/data", &format!("sh -c '{step}'")))
        .append(filesystem)
        .append("b2c.volume=data,filesystem=share")
        .run();
    outcome.expect_line("from the server").expect_no("ERROR").expect_no("WARNING").expect_status(0);
    let after = std::fs::read_to_string(folder.join("made/after")).unwrap();
    assert_eq!(after, "from the machine\n");
}

#[test]
fn nfs_version_3() {
    let folder = folder();
    let server = NfsServer::start_v3(folder.path());
    expect_shared(folder.path(), &server.filesystem("share", ""));
}

#[test]
fn smb_for_everybody() {
    let folder = folder();
    let server = SmbServer::start(folder.path(), "secret");
    expect_shared(folder.path(), &server.filesystem("share", "open", ""));
}

#[test]
fn smb_with_a_password() {
    let folder = folder();
    let server = SmbServer::start(folder.path(), "s3cr3t");
    expect_shared(folder.path(), &server.filesystem("share", "locked", "|username=root|password=s3cr3t"));
    let refused = Boot::new(&run("", "echo must not run"))
        .append(&server.filesystem("share", "locked", "|username=root|password=wr0ng"))
        .append("b2c.volume=data,filesystem=share")
        .run();
    refused.expect("ERROR: b2c.volume=data: b2c.filesystem=share: could not mount //10.0.2.2/locked (cifs)");
    refused.expect_no("must not run\r\n").expect_status(1);
    let shown = refused.lines.iter().filter(|line| line.contains("wr0ng"));
    assert!(shown.clone().all(|line| line.contains("ommand line")), "{:?}", shown.collect::<Vec<_>>());
}
