//! What the report will hold. The console says when stages begin and what is wrong, the pipeline what becomes of containers and volumes; nothing is printed or sent here.

use crate::pipeline::state::{self, State};
use ::report::{Container, Document, Kind, Machine, Message, Millis, ShutdownMode, Stage, Transfer, cut};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Stages, containers and transfers that are kept, each. A pipeline may have thousands, and mirror them for days.
const MOST: usize = 500;
/// Errors and warnings that are kept, each.
const MOST_MESSAGES: usize = 100;
/// Texts of options that are kept.
const MOST_TEXTS: usize = 16;
/// Of each text that is kept, in bytes.
const MOST_TEXT: usize = 512;
/// Of each text of options.
const MOST_OPTIONS: usize = 16 << 10;
/// What a console line that is a warning begins with.
const WARNINGS: [&str; 2] = ["WARNING: ", "B2C_WARNING: "];

#[derive(Default)]
struct Recorder {
    document: Document,
    /// The last stage goes on.
    is_in_stage: bool,
}

static RECORDER: LazyLock<Mutex<Recorder>> = LazyLock::new(Mutex::default);

fn recorder() -> MutexGuard<'static, Recorder> {
    RECORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Since the kernel's start.
pub fn now() -> Millis {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// A section of the console begins, and the one before ends. All that was before the first is the kernel's.
pub fn begin_stage(name: &str, title: &str) {
    end_stage();
    let now = now();
    let mut recorder = recorder();
    let document = &mut recorder.document;
    if document.stages.is_empty() {
        let kernel = Stage { name: "kernel".to_owned(), title: "The kernel".to_owned(), ..Stage::default() };
        document.stages.push(Stage { duration_ms: now, ..kernel });
    }
    let stage = Stage { name: name.to_owned(), title: cut(title, MOST_TEXT), start_ms: now, duration_ms: 0 };
    recorder.is_in_stage = push(&mut document.stages, &mut document.left_out.stages, stage);
}

/// It ends, and none begins.
pub fn end_stage() {
    let mut recorder = recorder();
    if std::mem::take(&mut recorder.is_in_stage)
        && let Some(stage) = recorder.document.stages.last_mut()
    {
        stage.duration_ms = now().saturating_sub(stage.start_ms);
    }
}

/// A line of the console, which may be a warning.
pub fn line(text: &str) {
    if let Some(warning) = WARNINGS.iter().find_map(|start| text.strip_prefix(start)) {
        let document = &mut recorder().document;
        say(&mut document.warnings, &mut document.left_out.warnings, warning);
    }
}

/// A red line of the console.
pub fn error(text: &str) {
    let document = &mut recorder().document;
    say(&mut document.errors, &mut document.left_out.errors, text);
}

/// The texts that options were read from, without their secrets.
pub fn options(masked: impl Iterator<Item = String>) {
    recorder().document.options = masked.take(MOST_TEXTS).map(|text| cut(&text, MOST_OPTIONS)).collect();
}

/// A volume was mirrored.
pub fn transfer(transfer: Transfer) {
    let document = &mut recorder().document;
    push(&mut document.transfers, &mut document.left_out.transfers, transfer);
}

/// A container is about to be created from `line`, which has no passwords.
pub fn container(kind: Kind, line: &str) -> Record {
    let document = &mut recorder().document;
    let number = document.containers.len();
    let container = Container { kind, line: cut(line, MOST_TEXT), created_ms: now(), ..Container::default() };
    let is_kept = push(&mut document.containers, &mut document.left_out.containers, container);
    Record(is_kept.then_some(number))
}

/// What is recorded of one container; nothing, if there was no room for it.
pub struct Record(Option<usize>);

impl Record {
    /// The image's name.
    pub fn named(&self, image: &image::Reference) {
        self.change(|container| container.image = Some(cut(&image.to_string(), MOST_TEXT)));
    }

    /// The image is there.
    pub fn pulled(&self, image: &image::Image) {
        self.change(|container| {
            container.digest = Some(image.digest.to_string());
            container.bytes_pulled = image.fetched.bytes;
            container.layers_pulled = image.fetched.layers;
            container.layers_cached = image.layers.len().saturating_sub(image.fetched.layers);
        });
    }

    /// It runs.
    pub fn started(&self) {
        self.change(|container| container.started_ms = Some(now()));
    }

    /// It has ended so, or is taken to have.
    pub fn ended(&self, exit_code: u8) {
        self.change(|container| (container.ended_ms, container.exit_code) = (Some(now()), Some(exit_code)));
    }

    /// It could not be created or started.
    pub fn failed(&self, reason: &str) {
        self.change(|container| {
            (container.ended_ms, container.error) = (Some(now()), Some(cut(reason, MOST_TEXT)));
        });
    }

    fn change(&self, change: impl FnOnce(&mut Container)) {
        let mut recorder = recorder();
        if let Some(container) = self.0.and_then(|number| recorder.document.containers.get_mut(number)) {
            change(container);
        }
    }
}

/// All of it, as it is now.
pub fn document(state: &State) -> Document {
    let mut document = recorder().document.clone();
    if recorder().is_in_stage
        && let Some(stage) = document.stages.last_mut()
    {
        stage.duration_ms = now().saturating_sub(stage.start_ms);
    }
    document.schema = ::report::SCHEMA;
    document.status = state.status;
    document.failed_by = cut(&state.failed_by, MOST_TEXT);
    document.shutdown_mode = match state.shutdown_mode {
        state::ShutdownMode::Default => ShutdownMode::Default,
        state::ShutdownMode::Reboot => ShutdownMode::Reboot,
        state::ShutdownMode::PowerOff => ShutdownMode::PowerOff,
    };
    document.duration_ms = now();
    document.unix_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    document.machine = machine();
    document
}

fn machine() -> Machine {
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let memory = rustix::system::sysinfo();
    Machine {
        architecture: text(uname.machine()),
        kernel: text(uname.release()),
        b2c: env!("CARGO_PKG_VERSION").to_owned(),
        hostname: text(uname.nodename()),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        memory: memory.totalram.saturating_mul(memory.mem_unit.into()),
    }
}

/// `false`: there was no room for it.
fn push<T>(list: &mut Vec<T>, left_out: &mut u64, item: T) -> bool {
    let fits = list.len() < MOST;
    if fits {
        list.push(item);
    } else {
        *left_out += 1;
    }
    fits
}

/// What is said again and again is kept once.
fn say(list: &mut Vec<Message>, left_out: &mut u64, text: &str) {
    let text = cut(text, MOST_TEXT);
    if let Some(message) = list.iter_mut().find(|message| message.text == text) {
        message.count += 1;
    } else if list.len() < MOST_MESSAGES {
        list.push(Message { at_ms: now(), text, count: 1 });
    } else {
        *left_out += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_for_days_has_bounds() {
        let (mut list, mut left_out) = (Vec::new(), 0);
        for number in 0..1000 {
            say(&mut list, &mut left_out, "the same");
            say(&mut list, &mut left_out, &format!("{number} {}", "x".repeat(4000)));
        }
        assert_eq!((list.len(), list[0].count, left_out), (MOST_MESSAGES, 1000, 901));
        assert!(list.iter().all(|message| message.text.len() <= MOST_TEXT + '…'.len_utf8()));
    }

    #[test]
    fn more_items_than_there_is_room_for_are_counted() {
        let (mut list, mut left_out) = (Vec::new(), 0);
        let kept = (0..MOST + 3).filter(|item| push(&mut list, &mut left_out, *item)).count();
        assert_eq!((kept, list.len(), left_out), (MOST, MOST, 3));
    }
}
