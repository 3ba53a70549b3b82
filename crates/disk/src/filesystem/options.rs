//! Mount options, split as mount(8) does: what concerns every mount, and what is the file system's own.

use rustix::mount::MountAttrFlags as Attr;

/// Options of one mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Of the mount itself.
    pub(super) attributes: u32,
    /// Of the file system, in order. Those without a value are flags.
    pub(super) data: Vec<(String, Option<String>)>,
}

/// Word, what it clears, what it sets.
const ATTRIBUTES: [(&str, Attr, Attr); 16] = [
    ("rw", Attr::MOUNT_ATTR_RDONLY, Attr::empty()),
    ("ro", Attr::empty(), Attr::MOUNT_ATTR_RDONLY),
    ("suid", Attr::MOUNT_ATTR_NOSUID, Attr::empty()),
    ("nosuid", Attr::empty(), Attr::MOUNT_ATTR_NOSUID),
    ("dev", Attr::MOUNT_ATTR_NODEV, Attr::empty()),
    ("nodev", Attr::empty(), Attr::MOUNT_ATTR_NODEV),
    ("exec", Attr::MOUNT_ATTR_NOEXEC, Attr::empty()),
    ("noexec", Attr::empty(), Attr::MOUNT_ATTR_NOEXEC),
    ("diratime", Attr::MOUNT_ATTR_NODIRATIME, Attr::empty()),
    ("nodiratime", Attr::empty(), Attr::MOUNT_ATTR_NODIRATIME),
    ("symfollow", Attr::MOUNT_ATTR_NOSYMFOLLOW, Attr::empty()),
    ("nosymfollow", Attr::empty(), Attr::MOUNT_ATTR_NOSYMFOLLOW),
    // Three values of one field; the kernel's default is the first.
    ("relatime", Attr::MOUNT_ATTR__ATIME, Attr::MOUNT_ATTR_RELATIME),
    ("atime", Attr::MOUNT_ATTR__ATIME, Attr::MOUNT_ATTR_RELATIME),
    ("noatime", Attr::MOUNT_ATTR__ATIME, Attr::MOUNT_ATTR_NOATIME),
    ("strictatime", Attr::MOUNT_ATTR__ATIME, Attr::MOUNT_ATTR_STRICTATIME),
];

/// For who mounts by fstab(5); the kernel does not know them.
const FOR_OTHERS: [&str; 15] = [
    "defaults", "auto", "noauto", "user", "nouser", "users", "nousers", "owner", "noowner", "group",
    "nogroup", "nofail", "_netdev", "loud", "silent",
];

impl Options {
    /// Reads one word each. Of contradicting words the last one counts.
    pub(super) fn split(words: &[String]) -> Options {
        let mut options = Options::default();
        for word in words {
            options.add(word);
        }
        options
    }

    fn add(&mut self, word: &str) {
        if let Some((_, clear, set)) = ATTRIBUTES.iter().find(|(name, ..)| *name == word) {
            self.attributes = self.attributes & !clear.bits() | set.bits();
            // A file system has to know that it is read-only, too: it may be on a device that cannot be written to.
            if matches!(word, "ro" | "rw") {
                self.data.push((word.to_owned(), None));
            }
            return;
        }
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (word, None),
        };
        let for_others = (value.is_none() && FOR_OTHERS.contains(&key))
            || key == "comment"
            || key.starts_with("x-")
            || key.starts_with("X-");
        if !for_others {
            self.data.push((key.to_owned(), value));
        }
    }

    /// The last value of an option of the file system's own.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.data.iter().rev().find(|(name, _)| name == key)?.1.as_deref()
    }

    /// Whether any of these is given, with or without a value.
    pub(super) fn has_any(&self, keys: &[&str]) -> bool {
        self.data.iter().any(|(name, _)| keys.contains(&name.as_str()))
    }

    /// Adds an option.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.data.push((key.to_owned(), Some(value.to_owned())));
    }

    /// Adds an option unless it is given.
    pub(super) fn set_default(&mut self, key: &str, value: &str) {
        if !self.has_any(&[key]) {
            self.set(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(words: &str) -> Options {
        Options::split(&words.split('|').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn generic_words_are_of_the_mount_and_others_of_the_file_system() {
        let options = split(
            "defaults|nosuid|noexec|exec|noatime|subvol=a=b|compress|_netdev|x-systemd.automount|comment=x|user=me",
        );
        let set = Attr::MOUNT_ATTR_NOSUID | Attr::MOUNT_ATTR_NOATIME;
        assert_eq!(options.attributes, set.bits());
        let data: Vec<_> = options.data.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        assert_eq!(data, [("subvol", Some("a=b")), ("compress", None), ("user", Some("me"))]);
    }

    #[test]
    fn the_last_word_counts() {
        assert_eq!(split("ro|rw").attributes, 0);
        assert_eq!(split("rw|ro").attributes, Attr::MOUNT_ATTR_RDONLY.bits());
        assert_eq!(split("noatime|strictatime").attributes, Attr::MOUNT_ATTR_STRICTATIME.bits());
        assert_eq!(split("noatime|relatime").attributes, 0);
        assert_eq!(split("vers=3|vers=4").get("vers"), Some("4"));
    }
}
