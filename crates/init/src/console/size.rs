//! The size of a terminal behind a serial line. The line does not carry it, so the terminal is asked: move the cursor far down and right, report where it went, put it back.
//!
//! The question costs no time. It is sent when a container starts, and the answer is picked out of what is typed when (and if) it comes; a log file never answers.

use rustix::termios::Winsize;

/// What a terminal is taken for until it says more.
pub const DEFAULT: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };

/// DECSC, CUP, DSR 6 (report the cursor's position), DECRC (ECMA-48, DEC STD 070).
pub const QUESTION: &str = "\x1b7\x1b[999;999H\x1b[6n\x1b8";

/// Picks the one answer, `ESC [ rows ; columns R`, out of the bytes that are typed.
#[derive(Debug)]
pub struct Answer {
    held: Vec<u8>,
    seen: bool,
}

/// Longer than any answer.
const LONGEST: usize = 16;

impl Answer {
    /// An answer is only looked for where there was a question: containers ask for cursor positions of their own.
    pub fn expected(asked: bool) -> Self {
        Answer { held: Vec::new(), seen: !asked }
    }

    /// Takes bytes from the terminal; gives those that are for the container, and the size once the answer is whole.
    pub fn filter(&mut self, bytes: &[u8]) -> (Vec<u8>, Option<Winsize>) {
        let mut typed = Vec::with_capacity(bytes.len());
        let mut size = None;
        for &byte in bytes {
            if self.seen {
                typed.push(byte);
                continue;
            }
            self.held.push(byte);
            size = size.or(parse(&self.held));
            if size.is_some() {
                self.seen = true;
                self.held.clear();
            } else if !may_become_answer(&self.held) {
                typed.append(&mut self.held);
            }
        }
        (typed, size)
    }
}

fn may_become_answer(held: &[u8]) -> bool {
    let body = match held {
        [b'\x1b'] => return true,
        [b'\x1b', b'[', body @ ..] => body,
        _ => return false,
    };
    held.len() < LONGEST && body.iter().all(|byte| byte.is_ascii_digit() || *byte == b';')
}

fn parse(answer: &[u8]) -> Option<Winsize> {
    let body = answer.strip_prefix(b"\x1b[")?.strip_suffix(b"R")?;
    let (rows, columns) = std::str::from_utf8(body).ok()?.split_once(';')?;
    let (ws_row, ws_col) = (rows.parse().ok()?, columns.parse().ok()?);
    (ws_row > 0 && ws_col > 0).then_some(Winsize { ws_row, ws_col, ..DEFAULT })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(chunks: &[&[u8]]) -> (Vec<u8>, Option<(u16, u16)>) {
        let mut answer = Answer::expected(true);
        let (mut typed, mut size) = (Vec::new(), None);
        for chunk in chunks {
            let (bytes, found) = answer.filter(chunk);
            typed.extend(bytes);
            size = size.or(found.map(|size| (size.ws_row, size.ws_col)));
        }
        (typed, size)
    }

    #[test]
    fn answer_is_taken_out_of_what_is_typed() {
        assert_eq!(run(&[b"ls\x1b[50;132R -l\n"]), (b"ls -l\n".to_vec(), Some((50, 132))));
        assert_eq!(run(&[b"\x1b", b"[5", b"0;1", b"32Rx"]), (b"x".to_vec(), Some((50, 132))));
    }

    #[test]
    fn other_escapes_pass() {
        assert_eq!(run(&[b"\x1b[A\x1b[1;5C\x1bOP"]), (b"\x1b[A\x1b[1;5C\x1bOP".to_vec(), None));
    }

    #[test]
    fn only_the_first_answer_is_ours() {
        assert_eq!(run(&[b"\x1b[24;80R\x1b[1;1R"]), (b"\x1b[1;1R".to_vec(), Some((24, 80))));
    }

    #[test]
    fn without_a_question_there_is_no_answer() {
        assert_eq!(Answer::expected(false).filter(b"\x1b[24;80R"), (b"\x1b[24;80R".to_vec(), None));
    }

    #[test]
    fn endless_digits_pass() {
        let endless = [b"\x1b[".as_slice(), &[b'1'; 40]].concat();
        assert_eq!(run(&[&endless]).1, None);
        assert_eq!(run(&[&endless, b"x"]).0.len(), 43);
    }
}
