//! Signal names → numbers, which differ between architectures.

use libc as c;

const NAMES: [(&str, i32); 29] = [
    ("HUP", c::SIGHUP),
    ("INT", c::SIGINT),
    ("QUIT", c::SIGQUIT),
    ("ILL", c::SIGILL),
    ("TRAP", c::SIGTRAP),
    ("ABRT", c::SIGABRT),
    ("BUS", c::SIGBUS),
    ("FPE", c::SIGFPE),
    ("KILL", c::SIGKILL),
    ("USR1", c::SIGUSR1),
    ("SEGV", c::SIGSEGV),
    ("USR2", c::SIGUSR2),
    ("PIPE", c::SIGPIPE),
    ("ALRM", c::SIGALRM),
    ("TERM", c::SIGTERM),
    ("CHLD", c::SIGCHLD),
    ("CONT", c::SIGCONT),
    ("STOP", c::SIGSTOP),
    ("TSTP", c::SIGTSTP),
    ("TTIN", c::SIGTTIN),
    ("TTOU", c::SIGTTOU),
    ("URG", c::SIGURG),
    ("XCPU", c::SIGXCPU),
    ("XFSZ", c::SIGXFSZ),
    ("VTALRM", c::SIGVTALRM),
    ("PROF", c::SIGPROF),
    ("WINCH", c::SIGWINCH),
    ("IO", c::SIGIO),
    ("SYS", c::SIGSYS),
];

/// The real-time signals that programs may use, as podman counts them: SIGRTMIN is 34 whatever the C library keeps for itself.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// `TERM`, `SIGTERM`, `15`, `SIGRTMIN+3`, `rtmax-2`; `None` if there is no such signal.
pub(crate) fn parse(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse() {
        return (1..=*REAL_TIME.end()).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*number);
    }
    let number = if let Some(offset) = name.strip_prefix("RTMIN") {
        REAL_TIME.start() + offset_after('+', offset)?
    } else {
        REAL_TIME.end() - offset_after('-', name.strip_prefix("RTMAX")?)?
    };
    REAL_TIME.contains(&number).then_some(number)
}

/// `""` is 0, `+3` is 3.
fn offset_after(sign: char, text: &str) -> Option<i32> {
    match text.strip_prefix(sign) {
        None => text.is_empty().then_some(0),
        Some(digits) => digits.parse::<u8>().ok().map(i32::from),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_and_numbers() {
        for (text, number) in [
            ("TERM", Some(15)),
            ("sigterm", Some(15)),
            ("9", Some(9)),
            ("64", Some(64)),
            ("65", None),
            ("0", None),
            ("-1", None),
            ("SIGRTMIN", Some(34)),
            ("SIGRTMIN+3", Some(37)),
            ("RTMAX-1", Some(63)),
            ("RTMIN+31", None),
            ("RTMIN+", None),
            ("RTMIN3", None),
            ("", None),
            ("NOPE", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
    }
}
