//! Steps, services, post containers, and what they know of each other.

use crate::support::{HTTP, boot, busybox, option, run};
use harness::Boot;

#[test]
fn pipefail_ends_the_pipeline_at_the_first_failure() {
    let words = format!("b2c.pipefail {} {}", run("", "sh -c 'exit 4'"), run("", "echo second step"));
    let outcome = Boot::new(&words).run();
    outcome.expect("The container exited with error code 4, aborting the pipeline...");
    outcome.expect_no("second step\r\n").expect_status(4);
}

#[test]
fn without_pipefail_the_first_failure_is_the_status() {
    let words = format!(
        "{} {} {}",
        run("", "sh -c 'exit 4'"),
        run("", "echo second step"),
        run("", "sh -c 'exit 5'")
    );
    let outcome = Boot::new(&words).run();
    outcome.expect_line("second step").expect_status(4);
}

#[test]
fn post_container_runs_after_a_failure_and_changes_nothing() {
    let post = option("b2c.run_post", "", "sh -c 'echo post: $B2C_PIPELINE_STATUS; exit 9'");
    let words = format!("b2c.pipefail {} {post}", run("", "sh -c 'exit 4'"));
    let outcome = Boot::new(&words).run();
    outcome.expect_line("post: 4").expect_status(4);
}

#[test]
fn a_step_that_cannot_be_pulled_does_not_leave_the_result_of_the_one_before() {
    let missing = b2c::vm::option("b2c.run", &format!("{HTTP} {}-missing", busybox()));
    let outcome = Boot::new(&format!("{} {missing}", run("", "true")))
        .append(r#"b2c.shutdown_cmd="echo JOB_RESULT=$B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE""#)
        .run();
    outcome.expect_line("JOB_RESULT=1").expect_status(1);
}

#[test]
fn every_container_knows_the_pipeline() {
    let print = "sh -c 'env | grep ^B2C_ | sort'";
    let first = run("--name first", "sh -c 'exit 3'");
    let text = format!("{HTTP} --name first {} sh -c 'exit 3'", busybox());
    let outcome = Boot::new(&format!("{first} {}", run("", print))).run();
    outcome.expect_line(&format!("B2C_PIPELINE_FAILED_BY={text}"));
    outcome.expect_line(&format!("B2C_PIPELINE_PREV_CONTAINER={text}"));
    outcome.expect_line("B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE=3");
    outcome.expect_line("B2C_PIPELINE_SHUTDOWN_MODE=default");
    outcome.expect_line("B2C_PIPELINE_STATUS=3");
}

#[test]
fn a_step_talks_to_a_service_on_localhost() {
    let service = option(
        "b2c.run_service",
        "",
        "sh -c 'mkdir /www; echo I serve > /www/index.html; httpd -f -p 127.0.0.1:8080 -h /www'",
    );
    let client = run("", "sh -c 'until wget -q -O - http://127.0.0.1:8080/; do sleep 0.1; done'");
    Boot::new(&format!("{service} {client}")).run().expect_line("I serve").expect_status(0);
}

#[test]
fn a_service_with_a_terminal_never_waits_for_a_reader() {
    let service = option(
        "b2c.run_service",
        "-t -v shared:/shared",
        "sh -c 'yes | head -c 1000000; touch /shared/done; sleep 1000'",
    );
    let step = run("-v shared:/shared", "sh -c 'until test -e /shared/done; do sleep 0.1; done'");
    Boot::new(&format!("{service} {step}")).run().expect_status(0);
}

#[test]
fn a_service_that_cannot_be_created_fails_the_pipeline() {
    let service = b2c::vm::option("b2c.run_service", &format!("{HTTP} {}-missing", busybox()));
    let words = format!(
        "{service} {} {}",
        run("", "echo a step"),
        option("b2c.run_post", "", "echo a post container")
    );
    let outcome = Boot::new(&words).run();
    outcome.expect("ERROR: Could not start the service container").expect_no("a step\r\n");
    outcome.expect_line("a post container").expect_status(1);
}

#[test]
fn a_service_that_ignores_its_stop_signal_is_killed() {
    let service =
        option("b2c.run_service", "--stop-timeout 1", "sh -c 'trap : TERM; while :; do sleep 1; done'");
    let outcome = Boot::new(&format!("{service} {}", run("", "true"))).run();
    outcome.expect("It's now safe to turn off your computer").expect_status(0);
}

#[test]
fn a_volume_made_on_the_fly_is_shared_by_later_steps() {
    let write = run("-v 42-results:/results", "sh -c 'echo kept > /results/file'");
    let read = option(
        "b2c.post_container",
        "-v 42-results:/r -e CI_JOB_ID=42",
        "sh -c 'echo $CI_JOB_ID $(cat /r/file)'",
    );
    Boot::new(&format!("{write} {read}")).run().expect_line("42 kept").expect_status(0);
}

#[test]
fn containers_see_the_machines_folders_and_its_environment_files() {
    let outcome =
        boot("--env-file /user/job.env -v /user:/u:ro", "sh -c 'echo $JOB; touch /u/x || echo refused'")
            .extra_cpio([("user/job.env", "JOB=from another archive\n")])
            .run();
    outcome.expect_line("from another archive").expect_line("refused").expect_status(0);
}
