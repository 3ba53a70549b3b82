//! Encrypted volumes, on an ext4 with the feature `encrypt`. Needs root. Where the kernel has no CONFIG_FS_ENCRYPTION, only the boots show it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use harness::Disk;
use rustix::mount::{MountFlags, mount};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use volume::{Error, Expiration, Over, Volumes};

const KEY: [u8; 64] = [7; 64];
const OTHER: [u8; 64] = [8; 64];

struct Machine<'d> {
    disk: &'d Disk,
    volumes: Volumes,
}

impl Machine<'_> {
    fn with(test: impl FnOnce(&mut Machine<'_>) + Send) {
        Disk::with(64, |disk| {
            if !Path::new("/sys/fs/ext4/features/encryption").exists() {
                return;
            }
            let volumes = Volumes::open(&disk.path().join("volumes")).unwrap();
            test(&mut Machine { disk, volumes });
        });
    }

    fn data(&self) -> PathBuf {
        self.disk.path().join("volumes/secret/_data")
    }

    /// All that was in memory is forgotten, keys too.
    fn reboot(&mut self) {
        self.disk.unmount();
        self.disk.mount();
        self.volumes = Volumes::open(&self.disk.path().join("volumes")).unwrap();
    }

    fn encrypt(&self, key: &[u8], reset: bool) -> Result<volume::Key, Error> {
        self.volumes.encrypt("secret", key, reset)
    }

    fn fill(&self, key: &[u8]) {
        let key = self.encrypt(key, false).unwrap();
        fs::write(self.data().join("a name"), "content").unwrap();
        drop(key);
    }
}

#[test]
fn what_was_written_is_read_with_the_key_only() {
    Machine::with(|machine| {
        machine.fill(&KEY);
        // The key is gone with the boot's end, before the machine is.
        assert!(fs::read(machine.data().join("a name")).is_err());
        assert!(matches!(machine.volumes.ensure("secret"), Err(Error::Locked { name }) if name == "secret"));
        machine.reboot();
        let names = fs::read_dir(machine.data()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.collect::<Vec<_>>().iter().all(|name| !name.to_string_lossy().contains("a name")));
        let key = machine.encrypt(&KEY, false).unwrap();
        assert_eq!(fs::read(machine.data().join("a name")).unwrap(), b"content");
        drop(key);
    });
}

#[test]
fn a_wrong_key_changes_nothing_unless_it_is_to_reset() {
    Machine::with(|machine| {
        machine.fill(&KEY);
        machine.reboot();
        assert!(matches!(machine.encrypt(&OTHER, false), Err(Error::WrongKey)));
        assert!(machine.encrypt(&KEY, true).is_ok(), "reset means nothing for the right key");
        machine.reboot();
        drop(machine.encrypt(&OTHER, true).unwrap());
        machine.reboot();
        assert!(matches!(machine.encrypt(&KEY, false), Err(Error::WrongKey)));
        let _key = machine.encrypt(&OTHER, false).unwrap();
        assert_eq!(fs::read_dir(machine.data()).unwrap().count(), 0);
    });
}

#[test]
fn unencrypted_data_is_wiped() {
    Machine::with(|machine| {
        fs::write(machine.volumes.ensure("secret").unwrap().join("plain"), "x").unwrap();
        let key = machine.encrypt(&KEY, false).unwrap();
        assert_eq!(fs::read_dir(machine.data()).unwrap().count(), 0);
        fs::write(machine.data().join("more"), "x").unwrap();
        drop(key);
        assert_eq!(machine.volumes.list().unwrap(), ["secret"]);
        assert_eq!(
            fs::read_dir(machine.disk.path().join("volumes")).unwrap().count(),
            1,
            "what was wiped is gone"
        );
    });
}

#[test]
fn two_volumes_may_have_one_key() {
    Machine::with(|machine| {
        let keys = ["secret", "second"].map(|name| machine.volumes.encrypt(name, &KEY, false).unwrap());
        fs::write(machine.data().join("a name"), "content").unwrap();
        drop(keys);
        assert!(fs::read(machine.data().join("a name")).is_err());
    });
}

#[test]
fn an_encrypted_volume_expires_without_its_key() {
    Machine::with(|machine| {
        machine.volumes.create("secret", Expiration::PipelineEnd, None).unwrap();
        machine.fill(&KEY);
        fs::create_dir_all(machine.data().join("not/a/key")).unwrap_err();
        machine.reboot();
        machine.volumes.expire(Over::Boot, None).unwrap();
        assert!(machine.volumes.list().unwrap().is_empty());
    });
}

#[test]
fn keys_that_are_too_short_for_aes_256_wipe_nothing() {
    Machine::with(|machine| {
        let data = machine.volumes.ensure("secret").unwrap();
        fs::write(data.join("plain"), "x").unwrap();
        assert!(matches!(machine.encrypt(&[7; 16], false), Err(Error::ShortKey { length: 16 })));
        assert_eq!(fs::read(data.join("plain")).unwrap(), b"x");
    });
}

#[test]
fn what_cannot_encrypt_is_left_as_it_is() {
    Machine::with(|machine| {
        let image = machine.disk.path().join("plain.img");
        let script = format!("truncate -s 16M {0} && mkfs.ext4 -q -O ^encrypt {0}", image.display());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
        let folder = machine.disk.path().join("plain");
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&folder).status().unwrap();
        assert!(mounted.success());
        let memory = machine.disk.path().join("memory");
        fs::create_dir(&memory).unwrap();
        mount("tmpfs", &memory, "tmpfs", MountFlags::empty(), c"").unwrap();
        for place in [folder, memory] {
            let volumes = Volumes::open(&place.join("volumes")).unwrap();
            let data = volumes.ensure("secret").unwrap();
            fs::write(data.join("plain"), "x").unwrap();
            assert!(matches!(volumes.encrypt("secret", &KEY, true), Err(Error::NoEncryption)));
            assert_eq!(fs::read(data.join("plain")).unwrap(), b"x");
            rustix::mount::unmount(&place, rustix::mount::UnmountFlags::empty()).unwrap();
        }
    });
}

#[test]
fn the_top_of_a_file_system_is_refused_and_not_wiped() {
    Machine::with(|machine| {
        let data = machine.volumes.ensure("secret").unwrap();
        mount("tmpfs", &data, "tmpfs", MountFlags::empty(), c"").unwrap();
        fs::write(data.join("plain"), "x").unwrap();
        assert!(matches!(machine.encrypt(&KEY, true), Err(Error::EncryptMountPoint)));
        assert!(data.join("plain").exists());
        rustix::mount::unmount(&data, rustix::mount::UnmountFlags::empty()).unwrap();
    });
}

#[test]
fn a_cut_while_a_volume_becomes_encrypted_leaves_one_that_can() {
    Machine::with(|machine| {
        for number in 0..10 {
            machine.volumes.remove("secret").unwrap();
            let data = machine.volumes.ensure("secret").unwrap();
            (0..200).for_each(|name| fs::write(data.join(name.to_string()), "plain").unwrap());
            std::thread::scope(|scope| {
                let becoming = scope.spawn(|| machine.encrypt(&KEY, false).map(drop));
                std::thread::sleep(Duration::from_millis(number));
                machine.disk.cut();
                let _ = becoming.join().unwrap();
            });
            machine.reboot();
            let key = machine.encrypt(&KEY, false).unwrap();
            assert_eq!(fs::read_dir(machine.data()).unwrap().count(), 0);
            fs::write(machine.data().join("a name"), "content").unwrap();
            drop(key);
        }
    });
}

#[test]
fn one_that_was_kept_is_read_with_the_key_of_the_new_one() {
    Machine::with(|machine| {
        machine.volumes.create("secret", Expiration::PipelineEnd, None).unwrap();
        machine.fill(&KEY);
        machine.volumes.keep("secret", "http://s3/bucket").unwrap();
        machine.reboot();
        machine.volumes.expire(Over::Boot, None).unwrap();
        let [kept] = &machine.volumes.kept("secret").unwrap()[..] else { panic!("it is not kept") };
        assert!(matches!(machine.volumes.kept_folder(kept), Err(Error::Locked { .. })));
        let _key = machine.encrypt(&KEY, false).unwrap();
        let folder = machine.volumes.kept_folder(kept).unwrap();
        assert_eq!(fs::read(folder.join("a name")).unwrap(), b"content");
    });
}

#[test]
fn what_is_not_pushed_is_not_wiped_to_encrypt_it() {
    Machine::with(|machine| {
        machine.volumes.create("secret", Expiration::Never, None).unwrap();
        fs::write(machine.data().join("result"), "x").unwrap();
        machine.volumes.keep("secret", "http://s3/bucket").unwrap();
        assert!(matches!(machine.encrypt(&KEY, true), Err(Error::Unpushed { .. })));
        assert_eq!(fs::read(machine.data().join("result")).unwrap(), b"x");
    });
}
