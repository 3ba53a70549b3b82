//! What a machine has elsewhere: swap, file systems, network block devices, image stores.

use crate::support::run;
use harness::{Boot, Image, NbdProgram, NbdServer, NfsServer, PodmanStore, Registry, VirtioFs};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A file of `size` bytes of zeros.
fn blank(folder: &TempDir, name: &str, size: u64) -> PathBuf {
    let path = folder.path().join(name);
    File::create(&path).unwrap().set_len(size).unwrap();
    path
}

/// A file with an empty file system, made by a program such as `mkfs.ext4 -q`.
fn formatted(folder: &TempDir, name: &str, size: u64, program: &str) -> PathBuf {
    let path = blank(folder, name, size);
    let mut words = program.split(' ');
    let made = Command::new(words.next().unwrap()).args(words).arg(&path).output().unwrap();
    assert!(made.status.success(), "{program}: {}", String::from_utf8_lossy(&made.stderr));
    path
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("b2c-attach").tempdir().unwrap()
}

/// A machine whose cache is an ext4 on its first disk.
fn with_cache(disk: &Path, words: &str) -> Boot {
    Boot::new(words).disk(disk).append("b2c.cache_device=disk b2c.filesystem=disk,src=/dev/vda,opts=noatime")
}

#[test]
fn a_swap_file_on_the_cache_goes_with_the_boot() {
    let folder = folder();
    let disk = formatted(&folder, "disk", 300 << 20, "mkfs.ext4 -q -O encrypt");
    let look = "sh -c 'tail -n +2 /proc/swaps; cat /proc/sys/vm/swappiness'";
    let outcome = with_cache(&disk, &run("", look)).append("b2c.swap=100M,swappiness=77").run();
    outcome
        .expect("/storage/swapfile")
        .expect("file")
        .expect("1023")
        .expect_line("77")
        .expect_no("WARNING")
        .expect_status(0);
    // A boot that was cut leaves its file; the next one removes it, also if it wants none.
    let again = with_cache(&disk, &run("-v /storage:/s", "ls /s")).run();
    again.expect_no("swapfile").expect_line("volumes").expect_status(0);
}

#[test]
fn a_swap_file_that_does_not_fit_is_an_error_line() {
    let folder = folder();
    let disk = formatted(&folder, "disk", 64 << 20, "mkfs.ext4 -q");
    let outcome = with_cache(&disk, &run("", "echo still here")).append("b2c.swap=8g").run();
    outcome
        .expect("ERROR: b2c.swap: a swap file of 8192 MiB does not fit into /storage")
        .expect_line("still here")
        .expect_status(0);
}

#[test]
fn a_swap_file_without_a_cache_is_an_error_line() {
    let outcome = Boot::new(&run("", "echo still here")).append("b2c.swap=16M").run();
    outcome.expect("ERROR: b2c.swap: /storage is on memory").expect_line("still here").expect_status(0);
}

#[test]
fn swap_devices_blank_made_and_not_ours() {
    let folder = folder();
    let boot = |disk: &Path| {
        Boot::new(&run("", "sh -c 'tail -n +2 /proc/swaps; echo looked'"))
            .disk(disk)
            .append("b2c.swap=/dev/vda")
            .run()
    };
    let blank = blank(&folder, "blank", 64 << 20);
    boot(&blank)
        .expect("Making swap space of /dev/vda")
        .expect("Swapping to /dev/vda")
        .expect("65532")
        .expect_status(0);
    boot(&blank).expect_no("Making swap space").expect("Swapping to /dev/vda").expect_status(0);
    let made = formatted(&folder, "made", 64 << 20, "mkswap");
    boot(&made).expect_no("Making swap space").expect("65532").expect_status(0);
    let other = formatted(&folder, "other", 64 << 20, "mkfs.ext4 -q -L mine");
    boot(&other)
        .expect("ERROR: b2c.swap: /dev/vda holds ext4")
        .expect_line("looked")
        .expect_no("65532")
        .expect_status(0);
}

#[test]
fn the_cache_and_swap_of_a_diskless_machine_are_network_block_devices() {
    let folder = folder();
    let disk = formatted(&folder, "disk", 200 << 20, "mkfs.ext4 -q");
    let swap = blank(&folder, "swap", 64 << 20);
    let cache = NbdServer::start(NbdProgram::NbdServer, &disk);
    let swap = NbdServer::start(NbdProgram::QemuNbd, &swap);
    let words = format!(
        "b2c.nbd=/dev/nbd0,host=10.0.2.2,port={} b2c.nbd=/dev/nbd5,host=10.0.2.2,port={},connections=3 \
         b2c.cache_device=nbd b2c.filesystem=nbd,src=/dev/nbd0 b2c.swap=/dev/nbd5",
        cache.port(),
        swap.port()
    );
    let first = Boot::new(&run("-v kept:/kept", "sh -c 'echo kept > /kept/file; tail -n +2 /proc/swaps'"))
        .append(&words)
        .run();
    first
        .expect("Mounting the file system nbd to /storage: DONE")
        .expect("/dev/nbd5")
        .expect_no("ERROR")
        .expect_no("WARNING")
        .expect_status(0);
    let second = Boot::new(&run("-v kept:/kept", "cat /kept/file")).append(&words).run();
    second.expect_line("kept").expect_status(0);
}

#[test]
fn a_network_block_device_outlives_a_restart_of_its_server() {
    let folder = folder();
    let disk = formatted(&folder, "disk", 64 << 20, "mkfs.ext4 -q");
    let mut server = NbdServer::start(NbdProgram::NbdServer, &disk);
    let words = format!(
        "b2c.nbd=/dev/nbd0,host=10.0.2.2,port={},connections=2 b2c.filesystem=nbd,src=/dev/nbd0 b2c.volume=data,filesystem=nbd",
        server.port()
    );
    let step = "sh -c 'echo ready; read line; echo written > /data/file; sync; echo synced; sleep 10'";
    let mut vm = Boot::new(&run("-ti -v data:/data", step)).append(&words).spawn();
    vm.wait_for("ready\r\n", Duration::from_secs(120));
    server.down();
    vm.wait_for("lost its connection", Duration::from_secs(60));
    vm.send("go\r");
    server.up();
    vm.wait_for("synced\r\n", Duration::from_secs(120));
    // When all of its connections are there again, which takes a second each.
    vm.finish().expect("is connected to 10.0.2.2").expect_status(0);
}

#[test]
fn a_network_block_device_without_a_server_is_an_error_line() {
    let outcome = Boot::new("b2c.nbd=/dev/nbd0,host=10.0.2.2,port=1").run();
    outcome
        .expect("ERROR: b2c.nbd: /dev/nbd0 cannot be attached to the NBD server 10.0.2.2 port 1")
        .expect_status(0);
}

#[test]
fn a_volume_on_a_share() {
    let folder = folder();
    std::fs::write(folder.path().join("before"), "from the server\n").unwrap();
    let server = NfsServer::start(folder.path());
    let outcome =
        Boot::new(&run("-v data:/data", "sh -c 'cat /data/before; echo from the machine > /data/after'"))
            .append(&server.filesystem("share", ""))
            .append("b2c.volume=data,filesystem=share")
            .run();
    outcome.expect_line("from the server").expect_no("ERROR").expect_no("WARNING").expect_status(0);
    assert_eq!(std::fs::read_to_string(folder.path().join("after")).unwrap(), "from the machine\n");
}

#[test]
fn a_share_as_the_cache_keeps_volumes_at_least() {
    let folder = folder();
    let server = NfsServer::start(folder.path());
    let boot = |command: &str| {
        Boot::new(&run("-v kept:/kept", command))
            .append(&server.filesystem("share", ""))
            .append("b2c.cache_device=share")
            .run()
    };
    let first = boot("sh -c 'echo kept > /kept/file; echo done'");
    first.expect("/storage cannot hold what containers write").expect_line("done").expect_no("ERROR");
    first.expect_status(0);
    boot("cat /kept/file").expect_line("kept").expect_status(0);
}

#[test]
fn a_volume_whose_file_system_is_not_there_is_fatal() {
    let outcome = Boot::new(&run("", "echo must not run"))
        .append("b2c.filesystem=share,src=10.0.2.2:/share,opts=port=1 b2c.volume=data,filesystem=share")
        .run();
    outcome.expect("ERROR: b2c.volume=data: b2c.filesystem=share: could not mount 10.0.2.2:/share (nfs)");
    outcome.expect_no("must not run\r\n").expect_status(1);
}

#[test]
fn images_of_a_store_by_id_and_by_name() {
    let store = PodmanStore::new();
    Image::busybox()
        .config("Env", serde_json::json!(["FROM=the store", "PATH=/bin"]))
        .push(Registry::shared(), "stored:latest");
    let id = store.pull(Registry::shared(), "stored:latest");
    store.tag(&id, "no-such-registry.invalid/farm/image:1");
    let server = NfsServer::start(&store.path());
    let step =
        |flags: &str, image: &str| b2c::vm::option("b2c.run", &format!("{flags} {image} sh -c 'echo $FROM'"));
    let outcome = Boot::new(&step("", &id))
        .append(&step("", &id[..12]))
        .append(&step("--pull=missing", "no-such-registry.invalid/farm/image:1"))
        .append(&server.filesystem("shared", "|ro"))
        .append("b2c.storage=additionalimagestores=shared")
        .run();
    let printed = outcome.lines.iter().filter(|line| *line == "the store").count();
    assert_eq!(printed, 3, "{}", outcome.tail());
    outcome.expect_no("ERROR").expect_status(0);
}

#[test]
fn a_folder_of_the_host_as_the_cache_keeps_volumes_at_least() {
    let folder = folder();
    let boot = |words: &str| {
        let share = VirtioFs::start(folder.path(), "host");
        let boot = Boot::new(words).qemu(share.arguments("384M"));
        let outcome = boot.append("b2c.cache_device=host b2c.filesystem=host,src=host,type=virtiofs").run();
        drop(share);
        outcome
    };
    let first = boot(&run("-v kept:/kept", "sh -c 'echo kept > /kept/file'"));
    first.expect("Mounting the file system host to /storage: DONE").expect_no("ERROR").expect_status(0);
    let second = boot(&run("-v kept:/kept", "cat /kept/file"));
    second.expect_line("kept").expect_status(0);
}
