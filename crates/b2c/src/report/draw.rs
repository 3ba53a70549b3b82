//! The picture: the status at the top, below it rows of bars on one time axis, then what was red.

use super::axis::{Axis, duration, size};
use super::rows::{self, Row};
use super::svg::Svg;
use report::{Document, Message};

const WIDTH: f64 = 1200.0;
/// Where labels end and bars begin.
const LEFT: f64 = 280.0;
/// Where the longest bar ends; notes have the rest.
const RIGHT: f64 = 940.0;
const MARGIN: f64 = 16.0;
/// Of one row.
const ROW: f64 = 20.0;
/// Characters of a label that fit.
const LABEL: usize = 34;
/// Characters of a line that fits.
const LINE: usize = 160;
/// Pixels that a character takes, at most.
const CHARACTER: f64 = 7.3;

const STYLE: &str = "text{font:12px sans-serif;fill:#222}.page{fill:#fff}.title{font-size:18px;font-weight:bold}.head{font-weight:bold}\
.label{font:11px monospace}.tick,.note{font-size:11px;fill:#666}.good{fill:#080}.bad{fill:#b00}.grid{stroke:#ddd}\
.stage{fill:#9ab}.create{fill:#ec8}.run{fill:#4a7}.transfer{fill:#69c}.failed{fill:#d55}";

/// Draws the document as an SVG file. It shows everything as text: nothing in the document can become markup or script.
pub fn draw(document: &Document) -> String {
    let axis = Axis::new(LEFT, RIGHT - LEFT, document.duration_ms);
    let mut page = Page { front: Svg::default(), axis, y: MARGIN };
    page.top(document);
    let start = page.y;
    let left_out = &document.left_out;
    page.rows("Stages", &rows::stages(document), left_out.stages);
    page.rows("Containers: pulled and created, then run", &rows::containers(document), left_out.containers);
    page.rows("Volumes", &rows::transfers(document), left_out.transfers);
    let grid = page.grid(start);
    page.messages("Errors", "bad", &document.errors, left_out.errors);
    page.messages("Warnings", "note", &document.warnings, left_out.warnings);
    page.messages("Options", "note", &texts(&document.options), 0);
    let title = format!("{}: status {}", document.machine.hostname, document.status);
    page.front.over(grid).finish(WIDTH, page.y + MARGIN, &title, STYLE)
}

struct Page {
    front: Svg,
    axis: Axis,
    y: f64,
}

impl Page {
    fn line(&mut self, x: f64, class: &str, text: &str, most: usize) {
        self.y += ROW;
        self.front.text(x, self.y, class, &short(text, most));
    }

    fn top(&mut self, document: &Document) {
        let (class, failed_by) = match document.status {
            0 => ("title good", String::new()),
            _ => ("title bad", format!(", failed by: {}", document.failed_by)),
        };
        self.line(MARGIN, class, &format!("Status {}{failed_by}", document.status), 110);
        let machine = &document.machine;
        let text = format!(
            "{}: boot2container {}, Linux {}, {}, {} processors, {} of memory; {} since the kernel's start",
            machine.hostname,
            machine.b2c,
            machine.kernel,
            machine.architecture,
            machine.cpus,
            size(machine.memory),
            duration(document.duration_ms)
        );
        self.line(MARGIN, "note", &text, LINE);
        self.y += ROW;
    }

    fn rows(&mut self, title: &str, rows: &[Row], left_out: u64) {
        if rows.is_empty() {
            return;
        }
        self.y += ROW / 2.0;
        self.line(MARGIN, "head", title, LINE);
        for row in rows {
            self.row(row);
        }
        self.left_out(left_out);
    }

    fn row(&mut self, row: &Row) {
        self.line(MARGIN, "label", &row.label, LABEL);
        let mut end = LEFT;
        for bar in &row.bars {
            let from = self.axis.x(bar.from);
            // The shortest can be seen, too.
            let width = (self.axis.x(bar.to) - from).max(1.5);
            self.front.bar(from, self.y - 11.0, width, bar.class, &bar.hint);
            end = from + width;
        }
        self.front.text(end + 5.0, self.y, "note", &short(&row.note, room(end)));
    }

    fn left_out(&mut self, count: u64) {
        if count > 0 {
            self.line(MARGIN, "note", &format!("and {count} more, which the report has no room for"), LINE);
        }
    }

    /// Behind the bars, from `top` down to here.
    fn grid(&mut self, top: f64) -> Svg {
        let mut grid = Svg::default();
        self.y += ROW;
        for tick in self.axis.ticks() {
            let x = self.axis.x(tick);
            grid.vertical(x, top, self.y - 12.0);
            grid.text(x, self.y, "tick", &duration(tick));
        }
        grid
    }

    fn messages(&mut self, title: &str, class: &str, messages: &[Message], left_out: u64) {
        if messages.is_empty() {
            return;
        }
        self.y += ROW / 2.0;
        self.line(MARGIN, "head", title, LABEL);
        for message in messages {
            let times = if message.count > 1 { format!(" ({} times)", message.count) } else { String::new() };
            let at = if message.at_ms > 0 { format!("{}: ", duration(message.at_ms)) } else { String::new() };
            self.long(class, &format!("{at}{}{times}", message.text));
        }
        self.left_out(left_out);
    }

    /// As many lines as it takes.
    fn long(&mut self, class: &str, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_at(end_of_line(rest));
            self.line(MARGIN, class, line, LINE);
            rest = after.trim_start();
        }
    }
}

/// How many characters there is room for behind `x`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bars end within the page")]
fn room(x: f64) -> usize {
    ((WIDTH - MARGIN - x) / CHARACTER) as usize
}

/// In bytes: at the last blank that fits, if there is one in the last third.
fn end_of_line(text: &str) -> usize {
    let Some((longest, _)) = text.char_indices().nth(LINE) else { return text.len() };
    text[..longest].rfind(' ').filter(|end| *end > longest * 2 / 3).unwrap_or(longest)
}

fn texts(options: &[String]) -> Vec<Message> {
    options.iter().map(|text| Message { at_ms: 0, text: text.clone(), count: 1 }).collect()
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::draw;
    use proptest::prelude::*;
    use report::{Container, Document, LeftOut, Message, Stage, Transfer};

    /// Each of its texts is `text`, each of its times `time`.
    fn document(text: &str, time: u64) -> Document {
        let (text, perhaps) = (text.to_owned(), Some(text.to_owned()));
        let stage = Stage { name: text.clone(), title: text.clone(), start_ms: time, duration_ms: time };
        let container = Container {
            line: text.clone(),
            image: perhaps.clone(),
            digest: perhaps.clone(),
            started_ms: Some(time),
            error: perhaps.clone(),
            bytes_pulled: time,
            ..Container::default()
        };
        let transfer = Transfer {
            volume: text.clone(),
            direction: text.clone(),
            moment: text.clone(),
            start_ms: time,
            duration_ms: time,
            error: perhaps,
            ..Transfer::default()
        };
        let message = Message { at_ms: time, text: text.clone(), count: time };
        Document {
            status: 7,
            failed_by: text.clone(),
            duration_ms: time,
            options: vec![text],
            stages: vec![stage],
            containers: vec![container.clone(), Container { error: None, ..container }],
            transfers: vec![transfer],
            errors: vec![message.clone()],
            warnings: vec![message],
            left_out: LeftOut { errors: time, ..LeftOut::default() },
            ..Document::default()
        }
    }

    #[test]
    fn a_person_finds_status_durations_and_errors() {
        let picture = draw(&document("sh -c 'exit 7'", 4_000));
        for text in [
            "Status 7, failed by: sh -c &#39;exit 7&#39;",
            ">4.0 s<",
            "still running",
            "(4000 times)",
            "and 4000 more",
        ] {
            assert!(picture.contains(text), "{text}: {picture}");
        }
    }

    #[test]
    fn hostile_texts_stay_texts() {
        let picture =
            draw(&document("</text><script>alert(1)</script><a href=\"javascript:x\" onload='x'>", 1));
        for markup in ["<script", "<a ", "\"javascript", "onload='"] {
            assert!(!picture.contains(markup), "{markup}: {picture}");
        }
    }

    proptest! {
        #[test]
        fn any_document_becomes_elements_of_ours(text in "(?s).{0,200}|[<>&\"'/a-z=!\\[\\]-]{0,40}", time: u64) {
            let picture = draw(&document(&text, time));
            let known = ["svg", "title", "style", "rect", "text", "path"];
            for element in picture.split('<').skip(1) {
                let name = element.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
                prop_assert!(known.contains(&name.unwrap()), "{element}");
            }
            prop_assert!(!picture.contains("NaN") && !picture.contains("inf"), "{}", picture);
        }
    }
}
