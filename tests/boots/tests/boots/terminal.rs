//! Terminals: a shell that a person types into, an init system that wants a console, a console that goes away.

use crate::support::{boot, run};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_shell_with_line_editing_and_ctrl_c() {
    let mut vm = boot("-ti", "sh -i").spawn();
    vm.wait_for("# ", PATIENCE);
    // Backspace takes the wrong letter away.
    vm.send("echo x=$((40+3\x7f2))\r");
    vm.wait_for("x=42\r\n", PATIENCE);
    vm.wait_for("# ", PATIENCE);
    vm.send("sleep 1000\r");
    std::thread::sleep(Duration::from_secs(2));
    vm.send("\x03");
    vm.wait_for("# ", PATIENCE);
    vm.send("exit 5\r");
    vm.finish().expect_status(5);
}

#[test]
fn a_terminal_that_tells_its_size() {
    let mut vm = boot("-ti", "sh -c 'sleep 3; stty size; tty'").spawn();
    vm.wait_for("\x1b[6n", PATIENCE);
    vm.send("\x1b[50;132R");
    let outcome = vm.finish();
    outcome.expect_line("50 132").expect("/dev/").expect_no("not a tty").expect_status(0);
}

#[test]
fn a_terminal_that_says_nothing_is_a_usual_one() {
    boot("-t", "stty size").run().expect_line("24 80").expect_status(0);
}

#[test]
fn without_a_terminal_there_is_none() {
    boot("", "sh -c 'tty || true'").run().expect_line("not a tty").expect_status(0);
}

#[test]
fn what_is_typed_reaches_a_container_without_a_terminal() {
    let mut vm = boot("-i", "sh -c 'echo ready; read line; echo got $line'").spawn();
    vm.wait_for("ready\r\n", PATIENCE);
    vm.send("a line\r");
    vm.finish().expect_line("got a line").expect_status(0);
}

#[test]
fn a_container_that_closes_its_terminal_and_opens_it_again_is_still_heard() {
    let close = "sh -c 'exec <&- >&- 2>&-; sleep 1; echo back again > /dev/console'";
    boot("-t", close).run().expect_line("back again").expect_status(0);
}

#[test]
fn a_getty_that_hangs_up_the_console_does_not_end_the_boot() {
    let getty = boot("-t", "sh -c 'timeout 3 getty -L 115200 ttyS0; true'");
    let outcome = getty.append(&run("", "echo still here")).run();
    outcome.expect("login: ").expect("\r\nstill here\r\n").expect("pipeline status: 0\r\n").expect_status(0);
}

#[test]
fn a_container_that_changes_the_console_leaves_it_as_it_was() {
    let outcome = boot("", "stty -F /dev/ttyS0 raw ixon").append(&run("", "stty -F /dev/ttyS0 -a")).run();
    outcome.expect(" onlcr").expect(" -ixon").expect("pipeline status: 0\r\n").expect_status(0);
}

#[test]
fn a_container_without_outputs_still_reads() {
    let mut vm = boot("-i", "sh -c 'echo ready; exec >/dev/kmsg 2>&1; read line; exit $line'").spawn();
    vm.wait_for("ready\r\n", PATIENCE);
    vm.send("9\r");
    vm.finish().expect_status(9);
}
