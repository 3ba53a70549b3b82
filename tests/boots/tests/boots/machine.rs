//! The machine that containers find: modules, devices, file systems, users, an init system.

use crate::support::{boot, push};
use harness::{Boot, Compression, Image, Layer};

#[test]
fn modules_by_name_with_their_parameters() {
    let outcome =
        boot("", "sh -c 'ls /sys/module/loop/parameters; cat /sys/module/loop/parameters/max_loop'")
            .append("modules_load=loop loop.max_loop=13")
            .run();
    outcome.expect_line("13").expect_status(0);
}

#[test]
fn modules_that_the_kernel_asks_for_by_itself() {
    let outcome = boot("", "sh -c 'ip link add dummy7 type dummy && ls /sys/class/net'").run();
    outcome.expect_line("dummy7").expect_status(0);
}

#[test]
fn a_module_that_is_not_there_is_an_error_line() {
    let outcome = boot("", "echo still here").append("modules_load=no_such_module").run();
    outcome.expect("ERROR: modules_load=no_such_module").expect_line("still here").expect_status(0);
}

#[test]
fn a_file_for_insmods_that_is_not_there_is_an_error_line() {
    let outcome = boot("", "echo still here").append("b2c.insmods=nothing.ko").run();
    outcome.expect("ERROR: b2c.insmods=nothing.ko").expect_line("still here").expect_status(0);
}

#[test]
fn privileged_containers_see_the_machines_devices() {
    boot("", "sh -c 'ls -l /dev/ttyS0 /dev/kmsg /dev/null; test -c /dev/ttyS0'").run().expect_status(0);
}

#[test]
fn unprivileged_containers_do_not() {
    let outcome = boot("--privileged=false", "sh -c 'ls /dev; grep CapEff /proc/self/status; mount -t tmpfs x /mnt || mount -t tmpfs x /tmp || echo refused'").run();
    outcome
        .expect("CapEff:\t00000000800405fb")
        .expect_no("ttyS0\r\n")
        .expect_line("refused")
        .expect_status(0);
}

#[test]
fn users_folders_and_entrypoints() {
    let image = Image::busybox()
        .layer(Layer::new().file(
            "etc/passwd",
            0o644,
            "root:x:0:0::/root:/bin/sh\nalice:x:1234:1234::/home/alice:/bin/sh\n",
        ))
        .config("User", serde_json::json!("alice"))
        .config("WorkingDir", serde_json::json!("/work"))
        .config("Entrypoint", serde_json::json!(["sh", "-c"]))
        .config("Cmd", serde_json::json!(["echo $(id -u) $PWD $HOME"]));
    let name = push(&image, "users:latest");
    let outcome = Boot::new(&b2c::vm::option("b2c.run", &format!("--tls-verify=false {name}"))).run();
    outcome.expect_line("1234 /work /home/alice").expect_status(0);
}

#[test]
fn a_container_under_the_caches_older_name() {
    let outcome = boot("-v /container/tmp:/storage", "sh -c 'touch /storage/x; ls /storage'").run();
    outcome.expect_line("x").expect_status(0);
}

/// A Debian whose systemd says hello and powers off.
fn systemd_image() -> Image {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache/systemd.tar");
    let system = std::fs::read(path).expect("tools/systemd-image has been run");
    let unit = "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nStandardOutput=tty\nTTYPath=/dev/console\n\
        ExecStart=/bin/sh -c 'echo process 1 is $(cat /proc/1/comm)'\nExecStart=/bin/systemctl --no-block poweroff\n";
    let hello = Layer::new()
        .file("etc/systemd/system/hello.service", 0o644, unit)
        .symlink("usr/bin/init", "/lib/systemd/systemd")
        .symlink("etc/systemd/system/default.target.wants/hello.service", "../hello.service");
    Image::new().layer(Layer::from_tar(system).compression(Compression::Zstd)).layer(hello)
}

#[test]
fn systemd_is_process_1_of_a_container() {
    let name = push(&systemd_image(), "systemd:latest");
    let words = b2c::vm::option("b2c.run", &format!("-ti --tls-verify=false --entrypoint=/bin/init {name}"));
    let outcome = Boot::new(&words).memory("1G").timeout(std::time::Duration::from_secs(400)).run();
    outcome
        .expect_line("process 1 is systemd")
        .expect("It's now safe to turn off your computer")
        .expect_status(130);
}
