//! What people write, and what they read when it is wrong.

use crate::support::{HTTP, boot, busybox, run, serve};
use harness::{Boot, Registry};

#[test]
fn single_quotes_keep_a_variable_for_the_container() {
    boot("-w /tmp", "sh -c 'echo I am in $PWD'").run().expect_line("I am in /tmp").expect_status(0);
}

#[test]
fn double_quotes_inside_a_quoted_value() {
    let words =
        format!(r#"b2c.run="{HTTP} -e \"GREETING=two  words\" {} sh -c 'echo \"$GREETING\"'""#, busybox());
    Boot::new(&words).run().expect_line("two  words").expect_status(0);
}

#[test]
fn variables_expand_on_the_machine() {
    let words = format!("{} {}", run("", "sh -c 'exit 3'"), run("", "echo it was $B2C_PIPELINE_STATUS"));
    Boot::new(&words).run().expect_line("it was 3").expect_status(3);
}

#[test]
fn a_refused_flag_is_named_before_anything_is_pulled() {
    let words = format!("{} {}", run("", "echo a good step"), run("--pod=mine", "true"));
    let outcome = Boot::new(&words).run();
    outcome.expect("--pod").expect_no("a good step\r\n").expect_status(1);
}

#[test]
fn unknown_options_name_the_closest() {
    let outcome = Boot::new("b2c.poweroff_dely=1 SALAD.machine_id=x nouveau.config=NvGspRm=1").run();
    outcome.expect("b2c.poweroff_dely").expect("b2c.poweroff_delay").expect_no("SALAD").expect_status(0);
}

#[test]
fn extra_arguments_add_to_the_command_line() {
    let text = format!(
        "# the farm's\nb2c.pipefail\n\n{} b2c.hostname=dut-1\n{}\n",
        run("", "sh -c 'echo from $(hostname)'"),
        run("", "false")
    );
    let url = serve(text);
    let outcome = Boot::new(&format!("b2c.extra_args_url={url}")).run();
    outcome.expect_line("from dut-1").expect("aborting the pipeline...").expect_status(1);
}

#[test]
fn extra_arguments_that_are_not_to_be_had_end_the_boot() {
    let url = format!("http://{}/no/such/file", Registry::shared().guest_address());
    let outcome = Boot::new(&format!("b2c.extra_args_url={url} {}", run("", "echo a step"))).run();
    outcome.expect("ERROR: b2c.extra_args_url=").expect("404").expect_no("a step\r\n").expect_status(1);
}
