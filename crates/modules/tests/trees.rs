//! Module trees as kernel packages and careless people make them.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use modules::{Error, Modules};
use std::{fs, path::Path};
use tempfile::TempDir;

const RELEASE: &str = "6.1.0-b2c";

/// A root such as /lib/modules with these files in the release's folder.
fn root(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(RELEASE).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn open(root: &Path, params: &[(&str, &str)]) -> Modules {
    let params: Vec<_> = params.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect();
    Modules::open(&[root], RELEASE).unwrap().with_params(&params)
}

/// The plan as `name` or `name?` for what is optional.
fn plan(modules: &Modules, name: &str) -> Vec<String> {
    let mark = |required| if required { "" } else { "?" };
    modules.plan(name).unwrap().into_iter().map(|step| step.name + mark(step.required)).collect()
}

const DEPMOD: &[(&str, &str)] = &[
    (
        "modules.dep",
        "kernel/fs/overlayfs/overlay.ko:\n\
         kernel/net/b.ko.xz: kernel/net/a.ko.xz\n\
         kernel/net/a.ko.xz:\n\
         kernel/net/my-card.ko.zst: kernel/net/b.ko.xz kernel/net/a.ko.xz\n\
         kernel/crypto/fast-sum.ko:\n\
         kernel/late.ko: kernel/net/a.ko.xz\n\
         kernel/loop1.ko: kernel/loop2.ko\n\
         kernel/loop2.ko: kernel/loop1.ko\n",
    ),
    (
        "modules.softdep",
        "# Soft dependencies\nsoftdep my_card pre: sum-256 nothere post: late\nsoftdep late pre: my_card\n",
    ),
    ("modules.builtin", "kernel/fs/ext4/ext4.ko\nkernel/drivers/virtio/virtio-pci.ko\n"),
    (
        "modules.alias",
        "alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n\
         alias pci:v000010ECd00008168sv*sd*bc*sc*i* my-card\n\
         alias pci:v000010ECd*sv*sd*bc02sc*i* b\n\
         alias fs-overlay overlay\n\
         alias sum-* fast-sum\n",
    ),
];

#[test]
fn dependencies_come_first_and_soft_ones_around() {
    let root = root(DEPMOD);
    let modules = open(root.path(), &[]);
    assert_eq!(plan(&modules, "overlay"), ["overlay"]);
    assert_eq!(plan(&modules, "my-card"), ["a", "b", "fast_sum?", "my_card", "late?"]);
    assert_eq!(plan(&modules, "my_card"), plan(&modules, "my-card"));
    let step = modules.plan("my-card").unwrap().remove(3);
    assert!(step.path.ends_with("6.1.0-b2c/kernel/net/my-card.ko.zst"), "{step:?}");
}

#[test]
fn a_circle_ends() {
    let root = root(DEPMOD);
    assert_eq!(plan(&open(root.path(), &[]), "loop1"), ["loop2", "loop1"]);
}

#[test]
fn an_endless_chain_is_refused() {
    let chain: String = (0..5000).map(|n| format!("m{n}.ko: m{}.ko\n", n + 1)).collect();
    let root = root(&[("modules.dep", &chain)]);
    let error = open(root.path(), &[]).plan("m0").unwrap_err();
    assert!(matches!(error, Error::TooDeep { .. }), "{error}");
    assert!(error.to_string().contains("run depmod again"), "{error}");
}

#[test]
fn built_in_modules_need_nothing() {
    let root = root(DEPMOD);
    let modules = open(root.path(), &[]);
    assert_eq!(modules.plan("virtio-pci").unwrap(), []);
    modules.load("ext4").unwrap();
    // An alias of a built-in module, as well.
    assert_eq!(modules.load_alias("pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00").unwrap(), 1);
}

#[test]
fn devices_find_their_modules_unless_blacklisted() {
    let root = root(DEPMOD);
    let card = "pci:v000010ECd00008168sv00000000sd00000000bc02sc00i00";
    assert_eq!(open(root.path(), &[]).find_alias(card).unwrap(), ["b", "my_card"]);
    let modules = open(root.path(), &[("modprobe", "blacklist=my-card,other")]);
    assert_eq!(modules.find_alias(card).unwrap(), ["b"]);
    // Asked for by name, it is loaded all the same (modprobe.d(5)).
    assert_eq!(plan(&modules, "my_card").len(), 5);
    assert!(modules.find_alias("pci:v0000FFFFd").unwrap().is_empty());
    assert_eq!(modules.load_alias("pci:v0000FFFFd").unwrap(), 0);
}

#[test]
fn a_file_that_is_gone_names_the_file() {
    let root = root(DEPMOD);
    let modules = open(root.path(), &[]);
    for name in ["overlay", "fs-overlay", "fs_overlay"] {
        // This machine's own kernel may have it.
        if !Path::new("/sys/module/overlay").exists() {
            let text = modules.load(name).unwrap_err().to_string();
            assert!(
                text.starts_with("cannot read ") && text.contains("kernel/fs/overlayfs/overlay.ko"),
                "{text}"
            );
        }
    }
    // Optional for the device, so only a warning.
    assert_eq!(modules.load_alias("pci:v000010ECd0000sv0sd0bc02sc00i00").unwrap(), 0);
}

#[test]
fn a_name_that_is_nowhere_says_where_it_was_sought() {
    let root = root(DEPMOD);
    let text = open(root.path(), &[]).load("nouvaeu").unwrap_err().to_string();
    let place = root.path().join(RELEASE).display().to_string();
    assert!(text.contains(r#"no kernel module "nouvaeu""#) && text.contains(&place), "{text}");
    assert!(text.contains("add it"), "{text}");
}

#[test]
fn modules_of_another_release_are_pointed_out() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("5.10.0-other")).unwrap();
    let text = open(root.path(), &[]).load("no-such").unwrap_err().to_string();
    assert!(text.contains("modules only for 5.10.0-other, while this kernel is 6.1.0-b2c"), "{text}");
}

#[test]
fn no_tree_at_all_is_fine() {
    let modules = open(Path::new("/nowhere"), &[]);
    assert_eq!(modules.load_alias("pci:v00001AF4d").unwrap(), 0);
    let text = modules.load("no-such").unwrap_err().to_string();
    assert!(text.contains("there is no /nowhere/6.1.0-b2c"), "{text}");
}

#[test]
fn names_that_are_paths_are_nothing() {
    let modules = open(Path::new("/nowhere"), &[]);
    for name in ["", ".", "..", "../kernel", "/sys"] {
        assert!(matches!(modules.load(name), Err(Error::NotFound { .. })), "{name:?}");
    }
}

#[test]
fn a_linked_root_counts_once_and_two_trees_add_up() {
    let first = root(&[("modules.dep", "kernel/a.ko:\n"), ("modules.alias", "alias x a\n")]);
    let second = root(&[("modules.dep", "extra/b.ko:\n"), ("modules.alias", "alias x b\n")]);
    let link = first.path().join("link");
    std::os::unix::fs::symlink(first.path(), &link).unwrap();
    let modules = Modules::open(&[first.path(), &link, second.path()], RELEASE).unwrap();
    assert_eq!(modules.find_alias("x").unwrap(), ["a", "b"]);
    assert_eq!(plan(&modules, "b"), ["b"]);
}

#[test]
fn an_index_without_end_is_refused() {
    let root = root(&[]);
    let folder = root.path().join(RELEASE);
    fs::create_dir(&folder).unwrap();
    fs::File::create(folder.join("modules.dep")).unwrap().set_len(1 << 30).unwrap();
    let text = Modules::open(&[root.path()], RELEASE).unwrap_err().to_string();
    assert!(text.contains("modules.dep") && text.contains("larger than 16 MiB"), "{text}");
}

/// A little-endian ELF-64 file with nothing but these `.modinfo` strings.
fn module(entries: &[&str]) -> Vec<u8> {
    let modinfo: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes().chain([0])).collect();
    let names = b"\0.modinfo\0.shstrtab\0";
    let table = 64 + modinfo.len() + names.len();
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(64, 0);
    file[0x28..0x30].copy_from_slice(&(table as u64).to_le_bytes());
    file[0x3a..0x40].copy_from_slice(&[64, 0, 3, 0, 2, 0]);
    file.extend(&modinfo);
    file.extend(names);
    for (name, start, size) in [(0u32, 0, 0), (1, 64, modinfo.len()), (10, 64 + modinfo.len(), names.len())] {
        let mut section = [0; 64];
        section[..4].copy_from_slice(&name.to_le_bytes());
        section[0x18..0x20].copy_from_slice(&(start as u64).to_le_bytes());
        section[0x20..0x28].copy_from_slice(&(size as u64).to_le_bytes());
        file.extend(section);
    }
    file
}

#[test]
fn without_depmod_the_modules_tell() {
    let root = root(&[("kernel/odd/notes.txt", ""), ("modules.order", "kernel/net/card.ko\n")]);
    let folder = root.path().join(RELEASE).join("kernel");
    for (name, entries) in [
        ("card.ko", &["depends=my-bus,ext4", "alias=pci:v0000ABCDd*", "softdep=pre: sum"] as &[_]),
        ("my-bus.ko", &["depends="]),
        ("sum.ko", &["alias=crypto-sum"]),
    ] {
        fs::write(folder.join(name), module(entries)).unwrap();
    }
    std::os::unix::fs::symlink("/", folder.join("build")).unwrap();
    let modules = open(root.path(), &[]);
    assert_eq!(plan(&modules, "card"), ["my_bus", "sum?", "card"]);
    assert_eq!(modules.find_alias("pci:v0000ABCDd1").unwrap(), ["card"]);
    assert_eq!(modules.find_alias("crypto_sum").unwrap(), ["sum"]);
}

#[test]
fn modules_that_come_later_stand_beside_those_that_were_there() {
    let (first, second) = (
        root(DEPMOD),
        root(&[("modules.dep", "extra/gpu.ko.xz: extra/b.ko\nextra/b.ko:\n"), ("modules.alias", "")]),
    );
    let modules = open(first.path(), &[]);
    assert!(matches!(modules.plan("gpu"), Err(Error::NotFound { .. })));
    modules.reopen(&[second.path(), first.path()], RELEASE).unwrap();
    assert_eq!(plan(&modules, "gpu"), ["b", "gpu"]);
    assert_eq!(plan(&modules, "overlay"), ["overlay"]);
    assert_eq!(modules.find_alias("pci:v00001AF4d00001000sv0sd0bc02sc00i00").unwrap(), ["virtio_pci"]);
}
