//! The report that a machine can read: what is in it, and that it arrives in every place it can be sent to.

use crate::mirrors::{Store, alias};
use crate::support::{HTTP, busybox, expect_hidden, option, run};
use harness::{Boot, Outcome, Registry};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// What a virtio-serial port writes goes to that file.
fn port(file: &Path) -> [String; 6] {
    [
        "-device".to_owned(),
        "virtio-serial-pci".to_owned(),
        "-chardev".to_owned(),
        format!("file,id=report,path={}", file.display()),
        "-device".to_owned(),
        "virtserialport,chardev=report,name=org.b2c.report".to_owned(),
    ]
}

/// The document in the line of the console, held to the schema.
#[track_caller]
fn of_console(outcome: &Outcome) -> Value {
    let mut lines = outcome.lines.iter().filter_map(|line| line.strip_prefix("b2c-report: "));
    let json = lines.next().unwrap_or_else(|| panic!("no report; the console's end:\n{}", outcome.tail()));
    assert_eq!(lines.next(), None);
    document(json)
}

/// A document, held to the schema by somebody else's validator.
#[track_caller]
fn document(json: &str) -> Value {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/report.schema.json");
    let validate = "import json, sys, jsonschema; jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(sys.stdin))";
    let mut python = Command::new("/usr/bin/python3");
    let mut python = python.args(["-c", validate, schema]).stdin(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(json.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success(), "{json}");
    serde_json::from_str(json).unwrap()
}

/// A server that answers each request with the next of these statuses, and passes on what was posted.
fn server(statuses: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("10.0.2.2:{}", listener.local_addr().unwrap().port());
    let (send, posted) = mpsc::channel();
    thread::spawn(move || {
        for (stream, status) in listener.incoming().zip(statuses) {
            let mut stream = stream.unwrap();
            let (mut request, mut buffer) = (String::new(), [0; 4096]);
            while !is_whole(&request) {
                let count = stream.read(&mut buffer).unwrap();
                assert!(count > 0, "{request}");
                request.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
            }
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            send.send(request).unwrap();
        }
    });
    (place, posted)
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

#[test]
fn the_console_has_the_whole_story_in_one_line() {
    let words = [
        "b2c.report=console b2c.hostname=dut-1 b2c.nonsense".to_owned(),
        option("b2c.run_service", "", "sleep 1000"),
        run("--creds me:hunter2 -t", "sh -c 'echo é; exit 7'"),
        run("", "true"),
        option("b2c.run", "", "/no/such/program"),
        format!("b2c.run=\"{HTTP} {}/no/image\"", Registry::shared().guest_address()),
        option("b2c.run_post", "", "true"),
    ];
    let outcome = Boot::new(&words.join(" ")).run();
    outcome.expect_status(7).expect_line("é");
    expect_hidden(&outcome, "hunter2");
    let report = of_console(&outcome);
    assert_eq!((&report["schema"], &report["status"]), (&1.into(), &7.into()));
    assert!(report["failed_by"].as_str().unwrap().contains("--creds me:*** -t"), "{report}");
    assert_eq!(report["machine"]["hostname"], "dut-1");
    assert!(report["options"][0].as_str().unwrap().contains("b2c.hostname=dut-1"));
    let kinds_and_codes: Vec<_> = report["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|container| (container["kind"].as_str().unwrap(), container["exit_code"].as_u64()))
        .collect();
    assert_eq!(
        kinds_and_codes,
        [
            ("service", None),
            ("step", Some(7)),
            ("step", Some(0)),
            ("step", Some(127)),
            ("step", None),
            ("post", Some(0))
        ]
    );
    let [service, first, second, .., refused, _] = report["containers"].as_array().unwrap().as_slice() else {
        panic!("{report}");
    };
    assert_eq!(service["ended_ms"], Value::Null);
    assert_eq!(service["image"], format!("{}", busybox()));
    assert!(service["bytes_pulled"].as_u64() > Some(100_000) && service["layers_pulled"] == 1, "{service}");
    assert!((&first["layers_pulled"], &first["layers_cached"]) == (&0.into(), &1.into()), "{first}");
    assert_eq!(first["digest"], service["digest"]);
    assert!(first["created_ms"].as_u64() <= first["started_ms"].as_u64());
    assert!(first["started_ms"].as_u64() <= first["ended_ms"].as_u64());
    assert!(first["ended_ms"].as_u64() <= second["created_ms"].as_u64());
    assert!(refused["error"].as_str().unwrap().contains("/no/image"), "{refused}");
    let stages: Vec<_> = report["stages"].as_array().unwrap().iter().map(|stage| &stage["name"]).collect();
    assert_eq!(stages[..5], ["kernel", "b2c_setup", "runtime_info", "load_modules", "connect"]);
    assert_eq!(stages.iter().filter(|name| **name == "container_run").count(), 3);
    assert!(
        report["errors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|error| error["text"].as_str().unwrap().contains("no/image"))
    );
    assert!(report["warnings"].to_string().contains("b2c.nonsense"), "{report}");
}

#[test]
fn a_server_that_fails_first_gets_it_and_the_port_too() {
    let (place, posted) = server(&[503, 200]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let words = format!("b2c.report=http://me:hunter2@{place}/boots?token=hunter2 b2c.report=virtio");
    let outcome = Boot::new(&format!("{words} {}", run("", "true"))).qemu(port(&file)).run();
    outcome.expect_status(0).expect_no("ERROR");
    expect_hidden(&outcome, "hunter2");
    let requests: Vec<String> = posted.iter().take(2).collect();
    assert_eq!(requests[0].split_once("\r\n\r\n").unwrap().1, requests[1].split_once("\r\n\r\n").unwrap().1);
    let (head, body) = requests[1].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /boots?token=hunter2 HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
    assert!(head.to_ascii_lowercase().contains("authorization: basic bwu6ahvudgvymg=="), "{head}");
    assert!(!body.contains("hunter2"), "{body}");
    document(body);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written, format!("{body}\n"));
}

#[test]
fn a_mirrored_volume_takes_the_final_status_along() {
    let store = Store::new("report");
    let words = [
        alias("gw"),
        "b2c.volume=job,mirror=gw/report,push_on=changes,pull_on=pipeline_start,overwrite,expiration=pipeline_end".to_owned(),
        "b2c.report=file:job/a/report.json b2c.report=console b2c.report=file:job/out/x".to_owned(),
        run("-v job:/job", "sh -c 'echo result >/job/result; ln -s /etc /job/out; mkdir /job/a; mkfifo /job/a/.b2c-report.unfinished; exit 5'"),
    ];
    store.put("old", "1234567");
    let outcome = Boot::new(&words.join(" ")).run();
    outcome.expect_status(5);
    let refused: Vec<_> = outcome.lines.iter().filter(|line| line.contains("ERROR: b2c.report=")).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("b2c.report=file:job/out/x: "), "{refused:?}");
    let objects = store.objects();
    assert_eq!(objects.keys().collect::<Vec<_>>(), ["a/report.json", "old", "result"]);
    let report = document(&objects["a/report.json"]);
    assert_eq!(report["status"], 5);
    assert_eq!(report, of_console(&outcome));
    let transfers: Vec<_> =
        report["transfers"].as_array().unwrap().iter().map(|it| [&it["direction"], &it["moment"]]).collect();
    assert_eq!(transfers, [["pulled", "pipeline_start"], ["mirrored", "changes"]]);
    assert_eq!(report["transfers"][0]["bytes"], 7);
    assert!(!report.to_string().contains(harness::Garage::SECRET_KEY));
}

#[test]
fn a_boot_that_is_cut_reports_it() {
    let words = [
        "b2c.report=console b2c.timeout=30s".to_owned(),
        run("", "sleep 1000"),
        run("", "true"),
        option("b2c.run_post", "", "true"),
    ];
    let report = of_console(Boot::new(&words.join(" ")).run().expect_status(124));
    assert_eq!((&report["status"], &report["failed_by"]), (&124.into(), &"Timeout".into()));
    // On a slow machine, the time is over before the first step is started.
    let (post, steps) = report["containers"].as_array().unwrap().split_last().unwrap();
    assert_eq!((&post["kind"], &post["exit_code"]), (&"post".into(), &0.into()));
    assert!(steps.len() <= 1 && steps.iter().all(|step| step["exit_code"] != 0), "{report}");
}

#[test]
fn boots_that_fail_early_report_it_too() {
    let early = [
        ("b2c.extra_args_url=http://10.0.2.2:1/x", "Extra arguments"),
        ("b2c.cache_device=/dev/nothing,required", "Cache setup"),
        ("b2c.volume=v,expiration=tomorrow-ish", "Volume setup"),
    ];
    for (words, failed_by) in early {
        let outcome = Boot::new(&format!("b2c.report=console b2c.report=file:v/x {words}")).run();
        outcome.expect_status(1).expect("b2c.report=file:v/x: there are no volumes");
        let report = of_console(&outcome);
        assert_eq!(
            (&report["failed_by"], &report["containers"]),
            (&failed_by.into(), &Value::Array(Vec::new()))
        );
        assert!(!report["errors"].as_array().unwrap().is_empty());
    }
}

#[test]
fn what_cannot_be_delivered_is_a_red_line_each_and_changes_nothing() {
    let (place, _posted) = server(&[404, 302]);
    let words = format!(
        "b2c.report=virtio b2c.report=http://me:hunter2@{place}/x b2c.report=http://{place}/y b2c.report=debug-exit b2c.report=console"
    );
    let outcome = Boot::new(&format!("{words} {}", run("", "true"))).run();
    outcome.expect_status(0).expect("b2c.report=virtio: there is no virtio-serial port named org.b2c.report");
    outcome.expect(&format!("b2c.report=http://{place}/x: the server answers with status 404"));
    outcome.expect(&format!("b2c.report=http://{place}/y: the server answers with status 302"));
    outcome.expect("b2c.report=debug-exit: there is no such device");
    expect_hidden(&outcome, "hunter2");
    of_console(&outcome);
    outcome.expect("It's now safe to turn off your computer").expect("reboot: Power down");
}

#[test]
fn a_port_that_nobody_reads_does_not_keep_the_machine_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = port(&folder.path().join("socket"));
    arguments[3] =
        format!("socket,id=report,path={},server=on,wait=off", folder.path().join("socket").display());
    let outcome = Boot::new("b2c.report=virtio").qemu(arguments).run();
    outcome.expect_status(0).expect("b2c.report=virtio: nobody on the host reads the port org.b2c.report");
}

#[test]
fn qemu_ends_with_twice_the_status_plus_one() {
    for (code, exit_code) in [(0, 1), (7, 15), (200, 255)] {
        let boot = Boot::new(&format!("b2c.report=debug-exit {}", run("", &format!("sh -c 'exit {code}'"))));
        let outcome = boot.qemu(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]).run();
        outcome.expect_status(code).expect("It's now safe to turn off your computer");
        assert_eq!(outcome.exit_code, Some(exit_code));
    }
}
