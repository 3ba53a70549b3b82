//! That the judges of the scenarios see what they are to see.

use crate::content::{CHECK, WHOLE, check_files, checked, large_file, write_files};
use crate::cut::{CACHE, PATIENCE, after, machine};
use crate::words::run;
use std::fs::File;
use std::os::unix::fs::FileExt;

#[test]
fn a_file_that_lost_a_block_is_noticed() {
    let run = run("", &checked("judge"), CHECK);
    let drive = after(&run);
    let file = File::options().read(true).write(true).open(drive.image()).unwrap();
    let wanted = &large_file("judge")[..4096];
    let mut block = vec![0; wanted.len()];
    let holds_it = |at: &u64| {
        file.read_exact_at(&mut block, *at).unwrap();
        block == wanted
    };
    let size = file.metadata().unwrap().len();
    let at = (0..size).step_by(4096).find(holds_it).expect("the unpacked file is on the drive");
    file.write_all_at(&[0; 4096], at).unwrap();
    let outcome = machine(&format!("{CACHE} {run}"), &drive).run();
    outcome.expect_no(&format!("{WHOLE}\r\n")).expect("large/0: FAILED").expect_status(1);
}

#[test]
fn a_power_off_flushes_what_containers_wrote() {
    let image = checked("power-off");
    let words = |command: &str| format!("{CACHE} {}", run("-v data:/data", &image, command));
    let drive = after("");
    let boot = machine(&words(&write_files("/data", 20, "true")), &drive);
    // A QEMU that ends by itself flushes its drives; this one stays when the machine has powered off.
    let mut vm = boot.qemu(["-no-shutdown"]).spawn();
    vm.wait_for("reboot: Power down", PATIENCE);
    vm.kill().expect_line("wrote 20").expect_status(0);
    drive.cut(3);
    machine(&words(&check_files("/data", 20)), &drive)
        .run()
        .expect_line("all of 20 are whole")
        .expect_status(0);
}
