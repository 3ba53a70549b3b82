//! What each row of the picture shows.

use super::axis::{duration, size};
use report::{Container, Document, Kind, Millis, Stage, Transfer};

/// A label and its bars.
pub struct Row {
    pub label: String,
    pub bars: Vec<Bar>,
    /// Behind the last bar.
    pub note: String,
}

/// A stretch of time.
pub struct Bar {
    pub from: Millis,
    pub to: Millis,
    /// Of the style sheet.
    pub class: &'static str,
    pub hint: String,
}

/// The stages of the boot.
pub fn stages(document: &Document) -> Vec<Row> {
    document.stages.iter().map(stage).collect()
}

fn stage(stage: &Stage) -> Row {
    let to = stage.start_ms.saturating_add(stage.duration_ms);
    let bar = Bar { from: stage.start_ms, to, class: "stage", hint: stage.title.clone() };
    Row { label: stage.name.clone(), bars: vec![bar], note: duration(stage.duration_ms) }
}

/// The containers: what it took to create them, and how long they ran.
pub fn containers(document: &Document) -> Vec<Row> {
    document.containers.iter().map(|container| self::container(container, document.duration_ms)).collect()
}

fn container(container: &Container, end: Millis) -> Row {
    let ended = container.ended_ms.unwrap_or(end);
    let created = Bar {
        from: container.created_ms,
        to: container.started_ms.unwrap_or(ended),
        class: if container.error.is_some() { "failed" } else { "create" },
        hint: format!(
            "{}: {} pulled, layers: {} pulled, {} cached",
            container.digest.as_deref().or(container.image.as_deref()).unwrap_or("no image"),
            size(container.bytes_pulled),
            container.layers_pulled,
            container.layers_cached
        ),
    };
    let class = if matches!(container.exit_code, None | Some(0)) { "run" } else { "failed" };
    let run = container.started_ms.map(|from| Bar { from, to: ended, class, hint: container.line.clone() });
    let kind = match container.kind {
        Kind::Step => "step",
        Kind::Post => "post",
        Kind::Service => "service",
    };
    let label = container.image.as_deref().map_or(container.line.as_str(), last_part);
    Row {
        label: format!("{kind} {label}"),
        bars: std::iter::once(created).chain(run).collect(),
        note: outcome(container, end),
    }
}

/// Of an image's name; the registry's name is the same in most rows.
fn last_part(image: &str) -> &str {
    image.rsplit('/').next().unwrap_or(image)
}

fn outcome(container: &Container, end: Millis) -> String {
    let run = |from: Millis| duration(container.ended_ms.unwrap_or(end).saturating_sub(from));
    match (container.started_ms, container.exit_code, &container.error) {
        (_, code, Some(error)) => {
            format!("{}{error}", code.map_or(String::new(), |code| format!("exit code {code}: ")))
        }
        (Some(from), Some(code), None) => format!("{}, exit code {code}", run(from)),
        (Some(from), None, None) => format!("{}, still running", run(from)),
        (None, _, None) => "not started".to_owned(),
    }
}

/// The transfers of volumes.
pub fn transfers(document: &Document) -> Vec<Row> {
    document.transfers.iter().map(transfer).collect()
}

fn transfer(transfer: &Transfer) -> Row {
    let bar = Bar {
        from: transfer.start_ms,
        to: transfer.start_ms.saturating_add(transfer.duration_ms),
        class: if transfer.error.is_some() { "failed" } else { "transfer" },
        hint: format!("{}: {} removed", transfer.moment, transfer.removed),
    };
    let counts =
        format!("{}, {} files, {}", duration(transfer.duration_ms), transfer.files, size(transfer.bytes));
    let error = transfer.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    Row {
        label: format!("{} {}", transfer.volume, transfer.direction),
        bars: vec![bar],
        note: counts + &error,
    }
}
