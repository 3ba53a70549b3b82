//! Which paths do not take part: globs with the meaning that they have for minio's client.

/// Some globs.
#[derive(Debug, Default)]
pub struct Globs(Vec<Vec<char>>);

impl Globs {
    /// In a glob, `*` is any text, `/` in it too, `?` is one character, and all else is itself. Empty ones are ignored.
    #[must_use]
    pub fn new<T: AsRef<str>>(globs: &[T]) -> Globs {
        let globs = globs.iter().map(AsRef::as_ref).filter(|glob| !glob.is_empty());
        Globs(globs.map(|glob| glob.chars().collect()).collect())
    }

    /// Whether one of them is the whole of `path`, which is relative to the mirror's root.
    #[must_use]
    pub fn is_match(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let path: Vec<char> = path.chars().collect();
        self.0.iter().any(|glob| matches(glob, &path))
    }
}

/// Each `*` is first taken for nothing; when the rest does not fit, the *last* one takes one character more. To go back to an earlier one is
/// never of use, for what lies between fits as early as it can: the time is bounded by the product of the lengths.
fn matches(glob: &[char], path: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while let Some(&character) = path.get(place) {
        match glob.get(at) {
            Some('*') => {
                star = Some((at + 1, place));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == character => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((behind, taken)) = star else { return false };
                star = Some((behind, taken + 1));
                (at, place) = (behind, taken + 1);
            }
        }
    }
    glob.get(at..).is_none_or(|rest| rest.iter().all(|&character| character == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_match(glob: &str, path: &str) -> bool {
        Globs::new(&[glob]).is_match(path)
    }

    #[test]
    fn stars_cross_folders() {
        for (glob, path) in [
            ("*", ""),
            ("*.log", "a/b.log"),
            ("a/*", "a/b/c"),
            ("a*c", "ac"),
            ("*a*b*", "xxaxxbxx"),
            ("?", "ü"),
            ("**", "a"),
            ("a", "a"),
        ] {
            assert!(is_match(glob, path), "{glob} {path}");
        }
        for (glob, path) in [
            ("a", "a/b"),
            ("b", "a/b"),
            ("?", ""),
            ("a?", "a"),
            ("*.log", "a.log.1"),
            ("[a]", "a"),
            ("A", "a"),
        ] {
            assert!(!is_match(glob, path), "{glob} {path}");
        }
    }

    #[test]
    fn empty_globs_are_ignored() {
        assert!(!Globs::new(&["", ""]).is_match(""));
        assert!(!Globs::new::<&str>(&[]).is_match("a"));
    }

    #[test]
    fn many_stars_end_soon() {
        assert!(!is_match(&"a*".repeat(500), &("a".repeat(400) + "b")));
        assert!(!is_match(&("*a".repeat(500) + "b"), &"a".repeat(1024)));
    }

    /// The meaning, without a thought for time.
    fn by_definition(glob: &[char], path: &[char]) -> bool {
        match glob.split_first() {
            None => path.is_empty(),
            Some(('*', rest)) => (0..=path.len()).any(|taken| by_definition(rest, &path[taken..])),
            Some((wanted, rest)) => path.split_first().is_some_and(|(first, path)| {
                (*wanted == '?' || wanted == first) && by_definition(rest, path)
            }),
        }
    }

    proptest! {
        #[test]
        fn the_quick_way_means_the_same(glob in "[ab/*?]{1,8}", path in "[ab/]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(is_match(&glob, &path), by_definition(&chars(&glob), &chars(&path)));
        }
    }
}
