//! Extra arguments from everywhere: files of the initramfs, QEMU's firmware configuration, SMBIOS, a web server.

use crate::support::{expect_hidden, option, run, serve};
use harness::{Boot, Image, Outcome, Registry, RegistryOptions};
use std::fs::File;
use std::path::PathBuf;
use tempfile::TempDir;

/// An empty disk.
fn blank(folder: &TempDir, size: u64) -> PathBuf {
    let path = folder.path().join("disk");
    File::create(&path).unwrap().set_len(size).unwrap();
    path
}

/// `-fw_cfg`: QEMU wants commas twice.
fn fw_cfg(text: &str) -> [String; 2] {
    ["-fw_cfg".into(), format!("name=opt/b2c/args,string={}", text.replace(',', ",,"))]
}

/// `-smbios` with one string.
fn smbios(text: &str) -> [String; 2] {
    ["-smbios".into(), format!("type=11,value=b2c.args={}", text.replace(',', ",,"))]
}

/// The lines that the steps say, in order.
fn said(outcome: &Outcome) -> Vec<&str> {
    outcome.lines.iter().filter_map(|line| line.strip_prefix("said ")).collect()
}

fn say(what: &str) -> String {
    run("", &format!("echo said {what}"))
}

#[test]
fn every_place_adds_to_the_one_before() {
    let url = serve(format!("b2c.hostname=url\n{}", run("", "sh -c 'echo said 8 $(hostname)'")));
    let smbios = [smbios("b2c.hostname=smbios"), smbios(&say("7"))].concat();
    let outcome = Boot::new(&format!("b2c.hostname=line {}", say("1")))
        .extra_cpio([
            ("user/b2c-args", format!("# of the farm\nb2c.hostname=user {}\n{}", say("2"), say("3"))),
            ("etc/b2c.d/20-b.args", format!("{} b2c.hostname=folder", say("5"))),
            ("etc/b2c.d/10-a.args", say("4")),
            ("etc/b2c.d/readme.txt", say("nothing")),
        ])
        .qemu(fw_cfg(&format!("b2c.hostname=fw_cfg {} b2c.extra_args_url={url}", say("6"))))
        .qemu(smbios)
        .run();
    outcome.expect_status(0);
    assert_eq!(said(&outcome), ["1", "2", "3", "4", "5", "6", "7", "8 url"], "{}", outcome.tail());
}

#[test]
fn of_the_machines_own_the_last_place_wins() {
    let name = run("", "sh -c 'echo said $(hostname)'");
    let own = Boot::new(&format!("b2c.hostname=line {name}"))
        .extra_cpio([("user/b2c-args", "b2c.hostname=user"), ("etc/b2c.d/a.args", "b2c.hostname=folder")]);
    assert_eq!(said(&own.clone().run()), ["folder"]);
    assert_eq!(said(&own.clone().qemu(fw_cfg("b2c.hostname=fw-cfg")).run()), ["fw-cfg"]);
    let all = own.qemu(fw_cfg("b2c.hostname=fw-cfg")).qemu(smbios("b2c.hostname=smbios"));
    assert_eq!(said(&all.run()), ["smbios"]);
}

/// A network option among them is there when the network starts.
#[test]
fn what_the_machine_holds_is_read_before_all_else() {
    let iface = "b2c.iface=eth0,address=10.0.2.77/24,gateway=10.0.2.2,nameserver=10.0.2.3";
    let outcome = Boot::new(&run("", "ip -o -4 address show dev eth0")).qemu(fw_cfg(iface)).run();
    outcome.expect("inet 10.0.2.77/24").expect_status(0);
}

#[test]
fn secrets_off_the_command_line_are_nowhere() {
    let users = vec![("me".to_owned(), "hunter2,too".to_owned())];
    let registry = Registry::start_with(&RegistryOptions { tls: None, users });
    Image::busybox().push(&registry, "busybox:latest");
    let address = registry.guest_address();
    let look = "sh -c 'cat /proc/cmdline; dmesg; env; find /run -type f -exec cat {} +; echo; grep -rl hunt[e]r2 /sys/firmware || echo clean; cat /sys/firmware/qemu_fw_cfg/by_name/opt/b2c/args/raw; dd if=/sys/firmware/dmi/tables/DMI | strings | grep b2c.args'";
    let step = format!("--tls-verify=false -v /run:/run {address}/busybox {look}");
    let outcome = Boot::new(&b2c::vm::option("b2c.run", &step))
        .append("loglevel=7")
        .extra_cpio([(
            "user/b2c-args",
            "b2c.minio=gw,http://u:hunter2@h,hunter2,hunter2 b2c.mispelt=hunter2",
        )])
        .qemu(fw_cfg(&format!("b2c.login={address},me,hunter2,too")))
        .qemu(smbios("b2c.login=docker.io,me,hunter2"))
        .run();
    outcome.expect_line("clean").expect_no("hunter2").expect_status(0);
}

#[test]
fn mistakes_have_their_place() {
    let outcome = Boot::new("")
        .extra_cpio([("user/b2c-args", "\n\nb2c.swap=lots")])
        .qemu(smbios("b2c.hostnam=x"))
        .qemu(smbios("b2c.proxy=x"))
        .run();
    outcome
        .expect("ERROR: b2c.swap: `lots` is not a size; write a number and K, M, G or T, such as 8G (/user/b2c-args, line 3)")
        .expect("unknown option b2c.hostnam is ignored; the closest known one is b2c.hostname (SMBIOS b2c.args 1, line 1)")
        .expect("(SMBIOS b2c.args 2, line 1)")
        .expect_status(0);
}

#[test]
fn what_cannot_be_read_keeps_everything_from_running() {
    let words = format!("b2c.cache_device=auto {}", run("", "echo a step"));
    let folder = tempfile::tempdir().unwrap();
    let disk = blank(&folder, 256 << 20);
    let outcome = Boot::new(&words)
        .disk(&disk)
        .extra_cpio([("user/b2c-args", &b"b2c.cache_device=none \xff"[..])])
        .run();
    outcome
        .expect("ERROR: The extra arguments cannot be read: /user/b2c-args: not UTF-8 text")
        .expect_no("a step\r\n")
        .expect_no("B2C_CACHE")
        .expect_status(1);
    let long = vec![b'#'; (1 << 20) + 1];
    let outcome = Boot::new(&words).extra_cpio([("etc/b2c.d/long.args", long)]).run();
    outcome
        .expect("/etc/b2c.d/long.args: longer than 1048576 bytes")
        .expect_no("a step\r\n")
        .expect_status(1);
}

/// What needs no network, what needs the drive, and what happens last.
#[test]
fn options_of_the_url_do_all_their_work() {
    let folder = tempfile::tempdir().unwrap();
    let disk = blank(&folder, 512 << 20);
    let look = "sh -c 'hostname; cat /proc/swaps; ls -d /sys/class/net/dummy?; mount | grep \" /v \"; false'";
    let text = format!(
        "modules_load=dummy dummy.numdummies=2\nb2c.cache_device=auto\nb2c.swap=32M\nb2c.hostname=from-url\n\
         b2c.volume=v,expiration=pipeline_end\nb2c.pipefail\nb2c.poweroff_delay=1\n\
         b2c.shutdown_cmd=\"echo THE_END=$B2C_PIPELINE_STATUS; poweroff -f\"\n\
         b2c.minio=gw,http://u:p@h,a,hunter2\n{}\n{}\n{}\n{}",
        option("b2c.run_service", "", "sleep 100"),
        run("-v v:/v", look),
        run("", "echo not reached"),
        option("b2c.run_post", "", "echo afterwards"),
    );
    let outcome = Boot::new(&format!("b2c.extra_args_url={}", serve(text))).disk(&disk).run();
    outcome
        .expect_line("from-url")
        .expect("/storage/swapfile")
        .expect_line("/sys/class/net/dummy1")
        .expect(" on /v type ext4")
        .expect("aborting the pipeline...")
        .expect_no("not reached\r\n")
        .expect_line("afterwards")
        .expect_line("THE_END=1")
        .expect_status(1);
    expect_hidden(&outcome, "hunter2");
}

/// The kernel calls for it while a container runs.
#[test]
fn modules_that_the_kernel_wants_by_itself_get_their_parameters() {
    let step = run(
        "--cap-add=all",
        "sh -c 'ls /sys/module/dummy; ip link add x type dummy; ls -d /sys/class/net/dummy2'",
    );
    let outcome = Boot::new(&step).qemu(fw_cfg("dummy.numdummies=3")).run();
    outcome.expect("/sys/module/dummy: No such file").expect_line("/sys/class/net/dummy2").expect_status(0);
}
