//! Module aliases: the patterns of modules.alias, and matching many device names against them in one pass.

use std::io::{self, BufRead};

/// In module names and aliases, `-` and `_` are one and the same (kmod's `underscores`).
pub(crate) fn fold(name: &str) -> String {
    name.replace('-', "_")
}

fn fold_byte(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

/// fnmatch(3) as far as module aliases go: `*`, `?`, `[a-f]`, `[!a]`. A backslash is an ordinary byte; `-` and `_` are equal
/// outside brackets.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when a mismatch comes up: behind the last `*`, which then swallows one byte more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        let Some(&byte) = text.get(t) else {
            // A `*` that swallows more only leaves less text.
            return p == pattern.len();
        };
        if let Some(width) = match_one(&pattern[p..], byte) {
            p += width;
            t += 1;
        } else if let Some((after_star, from)) = retry {
            retry = Some((after_star, from + 1));
            (p, t) = (after_star, from + 1);
        } else {
            return false;
        }
    }
}

/// Length of the pattern's first element if `byte` matches it. `*` is the caller's business.
fn match_one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => match match_bracket(&pattern[1..], byte) {
            Some((width, true)) => Some(1 + width),
            Some((_, false)) => None,
            // Without an end it is no bracket.
            None => (byte == b'[').then_some(1),
        },
        literal => (fold_byte(literal) == fold_byte(byte)).then_some(1),
    }
}

/// `set` is what follows `[`. Gives the length up to and with the closing `]`, and whether `byte` is in the set.
fn match_bracket(set: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(set.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    // A `]` right at the start stands for itself.
    let end = start + 1 + set.get(start + 1..)?.iter().position(|&b| b == b']')?;
    let mut members = &set[start..end];
    let mut found = false;
    while let [first, rest @ ..] = members {
        if let [b'-', last, rest @ ..] = rest {
            found |= (*first..=*last).contains(&byte);
            members = rest;
        } else {
            found |= *first == byte;
            members = rest;
        }
    }
    Some((end + 1, found != negated))
}

/// Device names (modaliases), ready to be matched against a whole modules.alias in one pass.
#[derive(Debug)]
pub(crate) struct Wanted(Vec<String>);

/// A module that some pattern names, and the number of the first device (in sorted order) that wants it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Match {
    pub(crate) device: usize,
    pub(crate) module: String,
}

impl Wanted {
    pub(crate) fn new<S: AsRef<str>>(aliases: impl IntoIterator<Item = S>) -> Self {
        let mut aliases: Vec<_> = aliases.into_iter().map(|alias| fold(alias.as_ref())).collect();
        aliases.sort_unstable();
        aliases.dedup();
        Self(aliases)
    }

    /// The (folded) device name behind a [`Match`].
    pub(crate) fn device(&self, index: usize) -> &str {
        self.0.get(index).map_or("", String::as_str)
    }

    /// Reads lines of `alias PATTERN MODULE` and collects what matches. Other lines are comments.
    pub(crate) fn collect(&self, lines: &mut dyn BufRead, matched: &mut Vec<Match>) -> io::Result<()> {
        let mut line = Vec::new();
        while read_line(lines, &mut line)? {
            let Some((pattern, module)) = split_line(&mut line) else { continue };
            self.collect_pattern(pattern, module, matched);
        }
        Ok(())
    }

    /// Most patterns start with tens of literal bytes (vendor, device), so a binary search for them leaves next to nothing to match.
    fn collect_pattern(&self, pattern: &mut [u8], module: &str, matched: &mut Vec<Match>) {
        let literal = pattern.iter().position(|b| b"*?[".contains(b)).unwrap_or(pattern.len());
        let (prefix, _) = pattern.split_at_mut(literal);
        for byte in prefix.iter_mut() {
            *byte = fold_byte(*byte);
        }
        let prefix = &pattern[..literal];
        let first = self.0.partition_point(|alias| alias.as_bytes() < prefix);
        for (index, alias) in self.0.iter().enumerate().skip(first) {
            if !alias.as_bytes().starts_with(prefix) {
                break;
            }
            if matches(&pattern[literal..], &alias.as_bytes()[literal..]) {
                matched.push(Match { device: index, module: fold(module) });
                break;
            }
        }
    }
}

/// Longest line of modules.alias that is looked at; the kernel's own bound for one modalias is a page.
const MAX_LINE: u64 = 64 * 1024;

/// Reads one line, without its end, into `line`. `false` at the end of the file.
fn read_line(lines: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = io::Read::take(&mut *lines, MAX_LINE).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(read > 0)
}

/// `alias PATTERN MODULE`. Patterns may hold blanks, module names may not.
fn split_line(line: &mut [u8]) -> Option<(&mut [u8], &str)> {
    let body = line.strip_prefix(b"alias ").map(<[u8]>::len)?;
    let start = line.len() - body;
    let blank = start + line.get(start..)?.iter().rposition(|&b| b == b' ')?;
    let (pattern, module) = line.split_at_mut(blank);
    Some((pattern.get_mut(start..)?, std::str::from_utf8(module.get(1..)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::CString;

    /// The C library's own matcher is the judge.
    fn fnmatch(pattern: &str, text: &str) -> bool {
        let (pattern, text) = (CString::new(pattern).unwrap(), CString::new(text).unwrap());
        // SAFETY: both are NUL-terminated strings that live until the call returns.
        unsafe { libc::fnmatch(pattern.as_ptr(), text.as_ptr(), libc::FNM_NOESCAPE) == 0 }
    }

    fn wanted_modules(aliases: &[&str], text: &str) -> Vec<String> {
        let mut matched = Vec::new();
        Wanted::new(aliases).collect(&mut text.as_bytes(), &mut matched).unwrap();
        matched.into_iter().map(|found| found.module).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn agrees_with_the_c_library(
            pattern in "([ab:]|\\*|\\?|\\[[ab]\\]|\\[!a\\]|\\[a-b\\]|\\[\\]a\\]|\\[b-a\\]){0,10}",
            text in "[ab:\\]]{0,12}",
        ) {
            prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), fnmatch(&pattern, &text));
        }

        #[test]
        fn survives_any_pattern(pattern in ".{0,40}", text in ".{0,40}") {
            matches(pattern.as_bytes(), text.as_bytes());
        }

        #[test]
        fn one_pass_finds_what_single_matches_find(
            patterns in prop::collection::vec("[ab]{0,3}(\\*|\\?|\\[ab\\])?[ab-]{0,2}", 0..12),
            devices in prop::collection::vec("[ab_-]{1,5}", 0..12),
        ) {
            let text: String = patterns.iter().enumerate().map(|(n, p)| format!("alias {p} m{n}\n")).collect();
            let expected: Vec<_> = patterns
                .iter()
                .enumerate()
                .filter(|(_, p)| devices.iter().any(|d| matches(p.as_bytes(), d.as_bytes())))
                .map(|(n, _)| format!("m{n}"))
                .collect();
            let devices: Vec<_> = devices.iter().map(String::as_str).collect();
            prop_assert_eq!(wanted_modules(&devices, &text), expected);
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(4000).as_bytes()));
    }

    #[test]
    fn real_devices_find_their_drivers() {
        let text = "# Aliases extracted from modules themselves.\n\
            alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n\
            alias pci:v00008086d0000100Esv*sd*bc*sc*i* e1000\n\
            alias virtio:d00000001v* virtio_net\n\
            alias usb:v*p*d*dc*dsc*dp*ic08isc0[1-6]ip50in* usb-storage\n\
            alias cpu:type:x86,ven*fam*mod*:feature:*0081* crc32c_intel\n";
        let modules = wanted_modules(
            &[
                "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
                "usb:v0951p1666d0110dc00dsc00dp00ic08isc06ip50in00",
                "virtio:d00000002v00001AF4",
                "cpu:type:x86,ven0002fam000Fmod006B:feature:,0000,0081,00C0,",
            ],
            text,
        );
        assert_eq!(modules, ["virtio_pci", "usb_storage", "crc32c_intel"]);
    }

    #[test]
    fn dashes_and_underscores_are_equal() {
        assert_eq!(wanted_modules(&["fs_ext4"], "alias fs-ext4 ext4\n"), ["ext4"]);
        assert_eq!(wanted_modules(&["input:b0003-e0,1,k71,"], "alias input:b*-e*1,*k*7[0-9]* x\n"), ["x"]);
    }

    #[test]
    fn odd_lines_are_skipped() {
        assert!(wanted_modules(&["a"], "alias a\nalias\n\nalias  \nsymbol:a a\naliasa a a").is_empty());
        assert_eq!(wanted_modules(&["a b"], "alias a b m"), ["m"]);
    }
}
