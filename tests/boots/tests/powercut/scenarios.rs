//! What machines do while their power is cut.

use crate::content::{CHECK, FSYNC, WHOLE, check_files, checked, checked_image, write_files, written};
use crate::cut::{CACHE, Judge, Scenario, after, empty, machine};
use crate::words::run;
use harness::{Drive, Fault, Faults, Registry};

/// [`WHOLE`] as a line of its own: the command that prints it is on the console too.
const AFTER_CHECK: &str = "\nevery file is whole";

/// The judge boots with the same words as the machine before, and every file of the image has to be whole.
fn same_again(words: &str) -> Box<dyn Fn(&str) -> Judge> {
    let words = words.to_owned();
    Box::new(move |_| Judge { words: words.clone(), line: WHOLE.into() })
}

#[test]
fn while_the_drive_is_formatted() {
    let words = format!("{CACHE} {}", run("", &checked("format"), CHECK));
    let judge = same_again(&words);
    let window = ["", "About to start executing a container"];
    Scenario { name: "format", number: 0, drive: empty(), words, window, judge }.run();
}

#[test]
fn while_the_drive_is_formatted_again() {
    // The volume gets what the image has in that folder. (Not while an image is pulled: that flushes the whole drive.)
    let run = run("-v fresh:/small", &checked("reset"), CHECK);
    let judge = same_again(&format!("{CACHE} {run}"));
    let (drive, words) = (after(&run), format!("b2c.cache_device=reset {run}"));
    let window = ["", "About to start executing a container"];
    Scenario { name: "reset", number: 6, drive, words, window, judge }.run();
}

#[test]
fn while_an_image_is_pulled_and_unpacked() {
    let words = format!("{CACHE} {}", run("", &checked("pull"), CHECK));
    let judge = same_again(&words);
    let window = ["Create the container", AFTER_CHECK];
    Scenario { name: "pull", number: 1, drive: after(""), words, window, judge }.run();
}

/// A drive with a part of the last layer of the image behind that front.
fn after_half_a_download(front: &Faults, layer: &str, words: &str) -> Drive {
    front.times(1, layer, Fault::CutAfter(10_000_000));
    front.times(1, layer, Fault::Status(403, None));
    let drive = after("");
    machine(&format!("{CACHE} {words}"), &drive).run().expect_status(1);
    drive
}

#[test]
fn while_a_download_is_resumed() {
    let pushed = checked_image("resume", &[18_000_000]).push(Registry::shared(), "resume:latest");
    let front = Faults::before(Registry::shared());
    let run = run("", &format!("{}/resume:latest", front.guest_address()), CHECK);
    let drive = after_half_a_download(&front, pushed.layers.last().unwrap(), &run);
    let words = format!("{CACHE} {run}");
    let judge = Judge { words: words.clone(), line: WHOLE.into() };
    let judge = Box::new(move |_: &str| {
        let resumed =
            front.requests().iter().any(|request| request.range.as_deref() == Some("bytes=8388608-"));
        assert!(resumed, "nothing was kept of the first download");
        judge.clone()
    });
    let window = ["Create the container", AFTER_CHECK];
    Scenario { name: "resume", number: 7, drive, words, window, judge }.run();
}

#[test]
fn while_the_image_is_there_already() {
    let run = run("", &checked("warm"), CHECK);
    let words = format!("{CACHE} {run}");
    let judge = same_again(&words);
    Scenario { name: "warm", number: 2, drive: after(&run), words, window: ["", ""], judge }.run();
}

#[test]
fn while_a_container_writes_to_a_volume() {
    let image = checked("volume");
    let words = move |command: &str| format!("{CACHE} {}", run("-v data:/data", &image, command));
    let writes = words(&write_files("/data", 40, FSYNC));
    let judge = Box::new(move |before: &str| {
        let count = written(before);
        Judge { words: words(&check_files("/data", count)), line: format!("all of {count} are whole") }
    });
    let window = ["", "wrote 40"];
    Scenario { name: "volume", number: 3, drive: after(""), words: writes, window, judge }.run();
}

#[test]
fn while_old_images_make_room() {
    let (old, new) = (run("", &checked("old"), CHECK), run("", &checked("new"), CHECK));
    let judge = Judge { words: format!("{CACHE} {new} {old}"), line: WHOLE.into() };
    Scenario {
        name: "room",
        number: 4,
        drive: after(&old),
        // Room for one of the two.
        words: format!("{CACHE},budget=7M {new}"),
        window: ["Create the container", ""],
        judge: Box::new(move |_| judge.clone()),
    }
    .run();
}

#[test]
fn while_swap_is_set_up() {
    let words = format!("{CACHE} b2c.swap=32M {}", run("", &checked("swap"), CHECK));
    let judge = same_again(&words);
    Scenario { name: "swap", number: 5, drive: after(""), words, window: ["", AFTER_CHECK], judge }.run();
}
