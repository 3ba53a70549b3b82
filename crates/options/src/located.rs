//! Text whose quotes were taken away, with the way back to where every byte of it was written.

use std::ops::Range;

/// A decoded text. A run is a stretch that stands in the source just as it does here; a new one starts where quotes or
/// backslashes were dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Located {
    text: String,
    runs: Vec<Run>,
    end: usize,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    at: usize,
    source: usize,
}

impl Located {
    /// An empty text that was written at byte `source`.
    pub(crate) fn starting_at(source: usize) -> Self {
        Self { text: String::new(), runs: Vec::new(), end: source }
    }

    /// Appends `c`, which is written at byte `source`.
    pub(crate) fn push(&mut self, c: char, source: usize) {
        let at = self.text.len();
        if self.runs.last().is_none_or(|run| run.source + (at - run.at) != source) {
            self.runs.push(Run { at, source });
        }
        self.text.push(c);
        self.end = source + c.len_utf8();
    }

    /// All of it.
    pub(crate) fn as_slice(&self) -> Slice<'_> {
        Slice { whole: self, start: 0, end: self.text.len() }
    }

    /// The source byte that byte `at` was copied from.
    fn source(&self, at: usize) -> usize {
        let run = match self.runs.partition_point(|run| run.at <= at) {
            0 => return self.end,
            after => self.runs[after - 1],
        };
        run.source + (at - run.at)
    }
}

/// A part of a [`Located`], cheap to copy. Never cuts a character.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice<'a> {
    whole: &'a Located,
    start: usize,
    end: usize,
}

impl<'a> Slice<'a> {
    /// The decoded text.
    pub(crate) fn text(self) -> &'a str {
        &self.whole.text[self.start..self.end]
    }

    /// True if there is nothing in it.
    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Where it stands in the source, in bytes; quotes at its ends are left out.
    pub(crate) fn span(self) -> Range<usize> {
        if self.is_empty() {
            let at = if self.start < self.whole.text.len() {
                self.whole.source(self.start)
            } else {
                self.whole.end
            };
            return at..at;
        }
        self.whole.source(self.start)..self.whole.source(self.end - 1) + 1
    }

    /// The part at `range`, in bytes of the decoded text; it must lie inside and on character boundaries.
    pub(crate) fn part(self, range: Range<usize>) -> Self {
        debug_assert!(self.text().get(range.clone()).is_some());
        Slice { whole: self.whole, start: self.start + range.start, end: self.start + range.end }
    }

    /// Before and after the first `separator`.
    pub(crate) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let at = self.text().find(separator)?;
        Some((self.part(0..at), self.part(at + separator.len_utf8()..self.text().len())))
    }

    /// The parts between separators; an empty text is one empty part.
    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let text = rest?;
            let (part, after) = match text.split_once(separator) {
                Some((part, after)) => (part, Some(after)),
                None => (text, None),
            };
            rest = after;
            Some(part)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a"b c"d` as a word splitter would decode it.
    fn decoded() -> Located {
        let mut text = Located::starting_at(0);
        for (source, c) in [(0, 'a'), (2, 'b'), (3, ' '), (4, 'c'), (6, 'd')] {
            text.push(c, source);
        }
        text
    }

    #[test]
    fn spans_lead_back_over_dropped_quotes() {
        let text = decoded();
        let all = text.as_slice();
        assert_eq!(all.text(), "ab cd");
        assert_eq!(all.span(), 0..7);
        assert_eq!(all.part(1..4).span(), 2..5);
        assert_eq!(all.part(4..5).span(), 6..7);
        assert_eq!(all.part(5..5).span(), 7..7);
    }

    #[test]
    fn splitting_keeps_places() {
        let text = decoded();
        let parts: Vec<_> = text.as_slice().split(' ').map(|part| (part.text(), part.span())).collect();
        assert_eq!(parts, [("ab", 0..3), ("cd", 4..7)]);
    }

    #[test]
    fn an_empty_text_knows_where_it_is() {
        assert_eq!(Located::starting_at(9).as_slice().span(), 9..9);
    }
}
