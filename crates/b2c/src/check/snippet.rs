//! A line of text with a part of it underlined.

use std::fmt;
use std::ops::Range;
use unicode_width::UnicodeWidthChar;

/// A text and what to call it.
#[derive(Clone, Debug)]
pub struct Source {
    /// `command line`, `extra arguments`, a file's name.
    pub name: String,
    /// As it was read.
    pub text: String,
}

/// What is shown of a line, in columns; command lines are far longer than a terminal is wide.
const WINDOW: usize = 96;
/// What is shown in front of the underlined part.
const LEAD: usize = 32;

/// One column or two, or none.
struct Cell {
    at: usize,
    shown: char,
    width: usize,
}

/// Writes where `span` is, the line it is in, and carets under it. What is in `hidden` is shown as `*`.
pub(super) fn render(
    f: &mut fmt::Formatter<'_>,
    source: &Source,
    span: &Range<usize>,
    hidden: &[Range<usize>],
) -> fmt::Result {
    let text = &source.text;
    let line_start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[span.start..].find('\n').map_or(text.len(), |newline| span.start + newline);
    let line_number = text[..line_start].matches('\n').count() + 1;
    let column = text[line_start..span.start].chars().count() + 1;

    let cells = cells(&text[line_start..line_end], line_start, hidden);
    let (before, marked) = columns(&cells, span);
    let from = if width(&cells) <= WINDOW { 0 } else { before.saturating_sub(LEAD) };
    let (line, skipped, cut) = window(&cells, from);
    let lead = if from > 0 { "…" } else { "" };
    let indent = lead.chars().count() + before.saturating_sub(skipped);
    let carets = marked.min(WINDOW.saturating_sub(before.saturating_sub(skipped))).max(1);

    writeln!(f, " --> {}, line {line_number}, column {column}", source.name)?;
    writeln!(f, "  |")?;
    writeln!(f, "  | {lead}{line}{}", if cut { "…" } else { "" })?;
    writeln!(f, "  | {}{}", " ".repeat(indent), "^".repeat(carets))
}

fn cells(line: &str, start: usize, hidden: &[Range<usize>]) -> Vec<Cell> {
    let cell = |(at, c): (usize, char)| {
        let at = start + at;
        let shown = match c {
            _ if hidden.iter().any(|range| range.contains(&at)) => '*',
            '\t' => ' ',
            _ if c.is_control() => char::REPLACEMENT_CHARACTER,
            _ => c,
        };
        Cell { at, shown, width: shown.width().unwrap_or(0) }
    };
    line.char_indices().map(cell).collect()
}

fn width(cells: &[Cell]) -> usize {
    cells.iter().map(|cell| cell.width).sum()
}

/// Columns before `span`, and columns of it.
fn columns(cells: &[Cell], span: &Range<usize>) -> (usize, usize) {
    let before = cells.partition_point(|cell| cell.at < span.start);
    let until = cells.partition_point(|cell| cell.at < span.end);
    (width(&cells[..before]), width(&cells[before..until.max(before)]))
}

/// The part of a line that starts at column `from`, how many columns it leaves out in front, and whether more follows.
fn window(cells: &[Cell], from: usize) -> (String, usize, bool) {
    let (mut line, mut column, mut skipped) = (String::new(), 0, 0);
    for cell in cells {
        if column >= from {
            if column + cell.width > skipped + WINDOW {
                return (line, skipped, true);
            }
            line.push(cell.shown);
        } else {
            skipped += cell.width;
        }
        column += cell.width;
    }
    (line, skipped, false)
}
