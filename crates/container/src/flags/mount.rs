//! `--volume`, `--mount`, `--tmpfs`.

use super::error::Why;
use super::limits;
use super::network::is_name;
use super::request::RunRequest;
use rustix::mount::{MountFlags, MountPropagationFlags as Propagation};
use std::path::{Component, Path, PathBuf};

/// One mount that the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountArg {
    /// Absolute, without `.` and `..`; never `/`.
    pub destination: PathBuf,
    /// What is mounted there.
    pub kind: MountKind,
    /// How.
    pub options: MountOptions,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the machine.
    Bind(PathBuf),
    /// A volume by name; it is made if it does not exist.
    Volume(String),
    /// A volume that lives as long as the container.
    Anonymous,
    /// An empty file system in memory.
    Tmpfs,
    /// Pseudo-terminals of its own.
    Devpts,
}

/// How something is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// `MS_*` of mount(2).
    pub flags: u64,
    /// `MS_SHARED`, `MS_SLAVE`, …; 0 is the default.
    pub propagation: u64,
    /// A bind mount without what is mounted below its source.
    pub non_recursive: bool,
    /// A new volume stays empty, whatever the image has at its destination.
    pub no_copy: bool,
    /// The source becomes the container's user's, with all that is in it.
    pub give: bool,
    /// The file system's own options, `size=1g` and the like.
    pub data: Vec<String>,
}

/// An option word, the flags it sets and those it clears.
type FlagWord = (&'static str, MountFlags, MountFlags);

const NONE: MountFlags = MountFlags::empty();
const FLAG_WORDS: [FlagWord; 19] = [
    ("rw", NONE, MountFlags::RDONLY),
    ("ro", MountFlags::RDONLY, NONE),
    ("suid", NONE, MountFlags::NOSUID),
    ("nosuid", MountFlags::NOSUID, NONE),
    ("dev", NONE, MountFlags::NODEV),
    ("nodev", MountFlags::NODEV, NONE),
    ("exec", NONE, MountFlags::NOEXEC),
    ("noexec", MountFlags::NOEXEC, NONE),
    ("atime", NONE, MountFlags::NOATIME),
    ("noatime", MountFlags::NOATIME, NONE),
    ("diratime", NONE, MountFlags::NODIRATIME),
    ("nodiratime", MountFlags::NODIRATIME, NONE),
    ("relatime", MountFlags::RELATIME, NONE),
    ("norelatime", NONE, MountFlags::RELATIME),
    ("strictatime", MountFlags::STRICTATIME, NONE),
    ("sync", MountFlags::SYNCHRONOUS, NONE),
    ("async", NONE, MountFlags::SYNCHRONOUS),
    ("dirsync", MountFlags::DIRSYNC, NONE),
    ("defaults", NONE, NONE),
];

const PROPAGATION_WORDS: [(&str, Propagation); 4] = [
    ("shared", Propagation::SHARED),
    ("slave", Propagation::DOWNSTREAM),
    ("private", Propagation::PRIVATE),
    ("unbindable", Propagation::UNBINDABLE),
];

/// Options of tmpfs(5) that are passed on as they are.
const TMPFS_DATA: [&str; 9] =
    ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "huge", "mpol", "noswap"];
/// Options of the kernel's devpts.
const DEVPTS_DATA: [&str; 4] = ["uid", "gid", "mode", "max"];

impl MountOptions {
    /// A tmpfs's, unless the user says otherwise (podman-run(1), `--tmpfs`).
    fn of_tmpfs() -> Self {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        Self { flags: flags.bits().into(), ..Self::default() }
    }

    /// Takes an option that means the same for every file system; says whether it was one.
    pub(crate) fn take_flag(&mut self, word: &str) -> bool {
        let Some((_, set, clear)) = FLAG_WORDS.iter().find(|(name, ..)| *name == word) else { return false };
        self.flags = (self.flags | u64::from(set.bits())) & !u64::from(clear.bits());
        true
    }

    /// `shared`, `rslave`, …; says whether it was one.
    fn take_propagation(&mut self, word: &str) -> bool {
        let (name, recursive) = match word.strip_prefix('r') {
            Some(name) => (name, Propagation::REC),
            None => (word, Propagation::empty()),
        };
        let Some((_, kind)) = PROPAGATION_WORDS.iter().find(|(known, _)| *known == name) else {
            return false;
        };
        self.propagation = (*kind | recursive).bits().into();
        true
    }

    /// One option of `kind`.
    fn take(&mut self, word: &str, kind: &MountKind) -> Result<(), Why> {
        let volume = matches!(kind, MountKind::Volume(_) | MountKind::Anonymous);
        let bind = volume || matches!(kind, MountKind::Bind(_));
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "U" | "chown" => self.take_give(value, kind)?,
            "idmap" => {
                return Err("the option idmap is not supported here: there are no user namespaces".into());
            }
            "O" | "upperdir" | "workdir" => return Err("overlay volumes are not supported here".into()),
            "tmpcopyup" => return Err("copying into a tmpfs is not supported here; it starts empty".into()),
            "notmpcopyup" if *kind == MountKind::Tmpfs => {}
            // SELinux labels: there is no SELinux here.
            "z" | "Z" if bind => {}
            "copy" if volume => self.no_copy = false,
            "nocopy" if volume => self.no_copy = true,
            "rbind" if bind => self.non_recursive = false,
            "bind" if bind => self.non_recursive = true,
            _ if self.take_flag(word) || (bind && self.take_propagation(word)) => {}
            _ if is_data(name, kind) => {
                check_data(name, value)?;
                self.data.push(word.to_owned());
            }
            _ => return Err(format!("it has no option {word}").into()),
        }
        Ok(())
    }

    /// `U`, or `U=true` and `chown=true` as `--mount` has it.
    fn take_give(&mut self, value: &str, kind: &MountKind) -> Result<(), Why> {
        match kind {
            MountKind::Tmpfs | MountKind::Devpts => return Err("write uid= and gid= instead of U".into()),
            // As podman, which has a list of such folders.
            MountKind::Bind(path) if path.components().count() <= 2 => {
                return Err(
                    format!("{} is the machine's, and no container's user gets it", path.display()).into()
                );
            }
            MountKind::Bind(_) | MountKind::Volume(_) | MountKind::Anonymous => {}
        }
        self.give = match value {
            "" | "true" => true,
            "false" => false,
            _ => return Err("U is true or false".into()),
        };
        Ok(())
    }

    fn take_all(&mut self, words: &str, kind: &MountKind) -> Result<(), Why> {
        words.split(',').filter(|word| !word.is_empty()).try_for_each(|word| self.take(word, kind))
    }
}

/// Whether an option is the file system's own.
fn is_data(name: &str, kind: &MountKind) -> bool {
    match kind {
        MountKind::Tmpfs => TMPFS_DATA.contains(&name),
        MountKind::Devpts => DEVPTS_DATA.contains(&name),
        MountKind::Bind(_) | MountKind::Volume(_) | MountKind::Anonymous => false,
    }
}

/// What the kernel would refuse only when the container starts.
fn check_data(name: &str, value: &str) -> Result<(), Why> {
    let is_number = |text: &str| text.parse::<u64>().is_ok();
    let good = match name {
        // The kernel's memparse(): `64m`, and `50%` of the memory.
        "size" | "nr_blocks" | "nr_inodes" => {
            is_number(value.strip_suffix(|c: char| "kmgtpeKMGTPE%".contains(c)).unwrap_or(value))
        }
        "mode" => u32::from_str_radix(value, 8).is_ok_and(|mode| mode <= 0o7777),
        "uid" | "gid" | "max" => is_number(value),
        _ => true,
    };
    if good { Ok(()) } else { Err(format!("{name}={value} is not what the option {name} takes").into()) }
}

/// `-v [SOURCE:]DESTINATION[:OPTIONS]`.
pub(super) fn volume(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let parts: Vec<&str> = text.split(':').collect();
    let (kind, destination, words) = match parts[..] {
        [destination] => (MountKind::Anonymous, destination, ""),
        [source, destination] => (volume_source(source)?, destination, ""),
        [source, destination, words] => (volume_source(source)?, destination, words),
        _ => return Err("too many colons; write SOURCE:DESTINATION[:OPTIONS]".into()),
    };
    let mut options = MountOptions::default();
    options.take_all(words, &kind)?;
    add(request, destination, kind, options)
}

/// What begins like a path is one, anything else is the name of a volume.
fn volume_source(text: &str) -> Result<MountKind, Why> {
    if text.starts_with(['/', '.']) {
        // b2c's own working directory is /.
        Ok(MountKind::Bind(clean_path(&Path::new("/").join(text))))
    } else if is_name(text) {
        Ok(MountKind::Volume(text.to_owned()))
    } else {
        Err("the source is neither an absolute path nor a volume's name (letters, digits, . _ -)".into())
    }
}

/// `--tmpfs DESTINATION[:OPTIONS]`.
pub(super) fn tmpfs(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let (destination, words) = text.split_once(':').unwrap_or((text, ""));
    let mut options = MountOptions::of_tmpfs();
    options.take_all(words, &MountKind::Tmpfs)?;
    add(request, destination, MountKind::Tmpfs, options)
}

/// `--mount type=TYPE,KEY[=VALUE],…`.
pub(super) fn mount(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let mut kind_name = "volume";
    let (mut source, mut destination) = (None, None);
    let mut rest = Vec::new();
    for field in text.split(',').filter(|field| !field.is_empty()) {
        match field.split_once('=') {
            Some(("type", name)) => kind_name = name,
            Some(("src" | "source", path)) => source = Some(path),
            Some(("dst" | "destination" | "target", path)) => destination = Some(path),
            _ => rest.push(field),
        }
    }
    let (kind, mut options) = mount_kind(kind_name, source)?;
    let destination = destination.ok_or("its destination is missing; write dst=/path")?;
    rest.into_iter().try_for_each(|field| mount_option(&mut options, field, &kind))?;
    add(request, destination, kind, options)
}

fn mount_kind(name: &str, source: Option<&str>) -> Result<(MountKind, MountOptions), Why> {
    let kind = match (name, source) {
        ("bind", Some(path)) if path.starts_with('/') => MountKind::Bind(clean_path(Path::new(path))),
        ("bind", _) => return Err("a bind mount needs src=/path".into()),
        ("volume", None | Some("")) => MountKind::Anonymous,
        ("volume", Some(name)) if is_name(name) => MountKind::Volume(name.to_owned()),
        ("volume", _) => {
            return Err(
                "src is not a volume's name (letters, digits, . _ -); for a path write type=bind".into()
            );
        }
        ("tmpfs", None) => return Ok((MountKind::Tmpfs, MountOptions::of_tmpfs())),
        ("devpts", None) => MountKind::Devpts,
        ("tmpfs" | "devpts", Some(_)) => return Err(format!("a {name} has no src").into()),
        _ => {
            return Err(format!(
                "the type {name} is not supported here; there are bind, volume, tmpfs and devpts"
            )
            .into());
        }
    };
    Ok((kind, MountOptions::default()))
}

/// One option in the spelling of `--mount`, where flags may be `=true` or `=false`.
fn mount_option(options: &mut MountOptions, field: &str, kind: &MountKind) -> Result<(), Why> {
    let (name, value) = field.split_once('=').unwrap_or((field, "true"));
    match (name, value) {
        ("readonly" | "ro", "true" | "1") | ("rw" | "readwrite", "false" | "0") => options.take("ro", kind),
        ("readonly" | "ro", "false" | "0") | ("rw" | "readwrite", "true" | "1") => options.take("rw", kind),
        ("relabel", "shared" | "private") | ("consistency", _) => Ok(()),
        ("bind-propagation", word) if options.take_propagation(word) => Ok(()),
        ("bind-nonrecursive", "true" | "false") => {
            options.take(if value == "true" { "bind" } else { "rbind" }, kind)
        }
        ("volume-nocopy", "true") => options.take("nocopy", kind),
        ("tmpfs-size", size) => options.take(&format!("size={}", limits::size(size)?), kind),
        ("tmpfs-mode", mode) => options.take(&format!("mode={mode}"), kind),
        _ => options.take(field, kind),
    }
}

fn add(
    request: &mut RunRequest,
    destination: &str,
    kind: MountKind,
    options: MountOptions,
) -> Result<(), Why> {
    if !destination.starts_with('/') {
        return Err("the destination is not an absolute path".into());
    }
    let destination = clean_path(Path::new(destination));
    if destination == Path::new("/") {
        return Err("nothing can be mounted over the root directory; name a directory in it".into());
    }
    // Mounts on mounts in one place would depend on their order; podman refuses them too.
    if request.mounts.iter().any(|mount| mount.destination == destination) {
        return Err(
            format!("{} already has a mount; give each destination once", destination.display()).into()
        );
    }
    request.mounts.push(MountArg { destination, kind, options });
    Ok(())
}

/// Without `.`, `..`, doubled and trailing slashes, by its letters alone (Go's path/filepath.Clean).
pub(crate) fn clean_path(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => _ = clean.pop(),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}
