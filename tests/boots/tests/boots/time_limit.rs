//! `b2c.timeout`: boots that would never end.

use crate::mirrors::{Store, alias, garage};
use crate::support::{HTTP, boot, option, push, run, serve};
use harness::{Boot, Fault, Faults, Image, Network, Outcome, Registry, RegistryOptions};

/// Sees what came of the pipeline.
fn post() -> String {
    option("b2c.run_post", "", "sh -c 'echo after: $B2C_PIPELINE_STATUS by $B2C_PIPELINE_FAILED_BY'")
}

#[track_caller]
fn expect_cut(outcome: &Outcome, at: &str) {
    outcome.expect(&format!(" is over (b2c.timeout) at: {at}")).expect_status(124);
    outcome.expect("It's now safe to turn off your computer").expect("reboot: Power down");
}

#[test]
fn a_step_that_sleeps_for_ever() {
    let outcome = boot("", "sh -c 'trap \"echo asked; exit 0\" TERM; while :; do sleep 1; done'")
        .append(&format!("b2c.timeout=30s {} {}", run("", "echo next"), post()))
        .run();
    expect_cut(&outcome, "Run the container: ");
    outcome.expect_line("asked").expect_line("after: 124 by Timeout").expect_no("next\r\n");
}

#[test]
fn a_step_that_does_not_want_to_end() {
    let outcome = boot("", "sh -c 'trap \"echo no\" TERM; while :; do sleep 1; done'")
        .append(&format!("b2c.timeout=30s {}", post()))
        .run();
    expect_cut(&outcome, "Run the container: ");
    outcome.expect_line("no").expect_line("after: 124 by Timeout");
}

#[test]
fn what_failed_before_stays_what_failed() {
    let outcome = boot("", "sh -c 'exit 3'")
        .append(&format!("b2c.timeout=30s {} {}", run("", "sleep 600"), post()))
        .run();
    outcome.expect(" is over (b2c.timeout) at: Run the container: ").expect_status(3);
    outcome.expect("after: 3 by ");
}

#[test]
fn a_step_that_failed_in_time_stays_what_failed_while_its_results_are_kept() {
    let volume = "b2c.minio=\"gone,http://10.0.2.2:9,KEY,SECRET\" b2c.volume=v,push_to=gone/bucket,push_on=container_end";
    let outcome = boot("-v v:/v", "sh -c 'echo result > /v/file; exit 3'")
        .append(&format!("b2c.timeout=30s {volume}"))
        .run();
    outcome.expect(" is over (b2c.timeout) at: Execute the container_end hooks").expect_status(3);
}

#[test]
fn a_pull_that_never_ends() {
    let registry = Registry::start_with(&RegistryOptions::default());
    Image::busybox().push(&registry, "busybox:latest");
    let faults = Faults::before(&registry);
    faults.always("/blobs/", Fault::Trickle);
    let line = format!("{HTTP} {}/busybox:latest echo pulled", faults.guest_address());
    let words = format!("b2c.timeout=30s {} {}", b2c::vm::option("b2c.run", &line), post());
    let outcome = Boot::new(&words).run();
    expect_cut(&outcome, "Create the container: ");
    outcome.expect_line("after: 124 by Timeout").expect_no("pulled\r\n");
}

#[test]
fn a_mirror_that_never_ends_and_a_limit_from_the_extra_arguments() {
    let store = Store::new("slow-mirror");
    store.put("large", &"x".repeat(10_000));
    let faults = Faults::before_port(garage().port());
    faults.always("/slow-mirror/large", Fault::Trickle);
    let volume = format!("b2c.volume=v,mirror=s3/{},pull_on=pipeline_start,push_on=pipeline_end", store.name);
    let (step, post) = (run("-v v:/v", "echo mirrored"), post());
    let url = serve(format!("b2c.timeout=40s\n{volume}\n{step}\n{post}\n"));
    let alias =
        alias("s3").replace(&garage().guest_endpoint(), &format!("http://{}", faults.guest_address()));
    let outcome = Boot::new(&format!("{alias} b2c.extra_args_url={url}")).run();
    expect_cut(&outcome, "Execute the pipeline_start hooks");
    outcome.expect_line("after: 124 by Timeout").expect_no("mirrored\r\n");
}

#[test]
fn a_network_that_never_comes_up() {
    let outcome = boot("", "echo started").append("b2c.timeout=25s").network(Network::Silent).run();
    expect_cut(&outcome, "Connecting to the network");
    outcome.expect_no("started\r\n");
}

#[test]
fn a_boot_that_is_quicker_is_left_alone() {
    let outcome = boot("", "echo quick").append("b2c.timeout=2h").run();
    outcome.expect_line("quick").expect_no("b2c.timeout)").expect_status(0);
}

#[test]
fn a_post_container_that_never_ends_is_given_up_after_a_while() {
    let image = push(&Image::busybox(), "busybox:latest");
    // Also one that leaves the cursor in the middle of a line.
    let words =
        format!(r#"b2c.timeout=10s b2c.run_post="{HTTP} {image} sh -c 'echo -n waiting; sleep 600'""#);
    let outcome = Boot::new(&words).run();
    outcome
        .expect("60 s after the time limit the boot has not ended; giving it up at: Run the post container");
    outcome.expect_status(124).expect("reboot: Power down");
}
