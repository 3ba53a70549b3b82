//! The console's form: farms read it with regular expressions.

use crate::support::boot;

#[test]
fn lines_and_sections_have_their_form() {
    let outcome = boot("", "echo -n half a line").run();
    let console = &outcome.console;
    assert!(console.contains("\x1b[0Ksection_end:"), "{}", outcome.tail());
    let first = console.find("\x1b[0Ksection_end:").unwrap();
    assert!(
        console[first..].starts_with_section("section_end", "b2c_kernel_boot"),
        "{}",
        &console[first..first + 60]
    );
    let status = outcome.lines.iter().find(|line| line.contains("Execution is over")).unwrap();
    let (uptime, text) = status.strip_prefix('[').unwrap().split_once("]: ").unwrap();
    assert_eq!(text, "Execution is over, pipeline status: 0");
    let (seconds, hundredths) = uptime.split_once('.').unwrap();
    assert!(
        seconds.parse::<u32>().is_ok() && hundredths.len() == 2 && hundredths.parse::<u32>().is_ok(),
        "{uptime}"
    );
    outcome.expect_line("half a line");
}

trait Section {
    fn starts_with_section(&self, kind: &str, name: &str) -> bool;
}

impl Section for str {
    /// `ESC[0K<kind>:<unix time>:<name>\r` with or without `[collapsed=true]`
    fn starts_with_section(&self, kind: &str, name: &str) -> bool {
        let Some(rest) = self.strip_prefix(&format!("\x1b[0K{kind}:")) else { return false };
        let Some((time, rest)) = rest.split_once(':') else { return false };
        time.parse::<u64>().is_ok()
            && rest.strip_prefix(name).is_some_and(|rest| rest.starts_with(['\r', '[']))
    }
}

#[test]
fn sections_come_in_order_and_are_all_closed() {
    let outcome = boot("", "true").append("b2c.ntp_peer=no-such-host.invalid").run();
    let names = |kind: &str| -> Vec<String> {
        let marker = format!("\x1b[0K{kind}:");
        let name = |text: &str| text.split(':').nth(1).unwrap().split(['\r', '[']).next().unwrap().to_owned();
        outcome.console.split(&marker).skip(1).map(name).collect()
    };
    let (started, ended) = (names("section_start"), names("section_end"));
    assert_eq!(ended.first().map(String::as_str), Some("b2c_kernel_boot"));
    assert_eq!(started, ended[1..], "each section ends before the next begins");
    let order = [
        "b2c_setup",
        "runtime_info",
        "load_modules",
        "connect",
        "ntp_set",
        "set_hostname",
        "mount_cache_partition",
        "start_pipeline",
        "create_container",
        "container_run",
        "cleanup",
    ];
    assert_eq!(started, order);
}

#[test]
fn the_machine_introduces_itself() {
    let outcome = boot("", "true").memory("384M").run();
    for text in [
        "]: Linux version: 6.",
        "]: Boot2container version: ",
        "]: Architecture: x86_64",
        "]: CPU: ",
        "]: RAM: ",
        "]: Block devices:",
    ] {
        outcome.expect(text);
    }
}

#[test]
fn the_output_of_containers_is_raw_at_column_0() {
    let outcome = boot("-t", "sh -c 'set -x; DEQP_EXITCODE=0; set +x; echo JOB_RESULT=0'").run();
    outcome.expect("\r\n+ DEQP_EXITCODE=0\r\n").expect("\r\nJOB_RESULT=0\r\n").expect_status(0);
}

#[test]
fn kernel_messages_stay_on_the_console() {
    let outcome = boot("", "sh -c 'echo GPU hang detected! > /dev/kmsg; sleep 1'").append("loglevel=6").run();
    outcome.expect("] GPU hang detected!").expect_status(0);
}
