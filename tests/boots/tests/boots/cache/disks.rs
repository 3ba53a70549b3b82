//! Disk images: made, damaged and judged by e2fsprogs, util-linux and cryptsetup on this computer.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use tempfile::NamedTempFile;

/// A sparse disk image.
pub struct Disk {
    image: NamedTempFile,
    read_only: bool,
}

/// Runs a program of the system to its end; gives what it prints.
#[track_caller]
fn tool(words: &str, path: &Path) -> String {
    let mut words = words.split(' ');
    let output = Command::new(words.next().unwrap())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .args(words)
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Disk {
    /// Zeros; the size as truncate(1) takes it.
    pub fn empty(size: &str) -> Self {
        let image = tempfile::Builder::new().prefix("b2c-disk").tempfile().unwrap();
        tool(&format!("truncate --size={size}"), image.path());
        Disk { image, read_only: false }
    }

    /// With a GPT and partitions of these sizes; an empty one is the rest.
    pub fn partitioned(size: &str, partitions: &[&str]) -> Self {
        Self::with_table(size, "gpt", partitions)
    }

    /// The same with another kind of table, as sfdisk(8) names it.
    pub fn with_table(size: &str, table: &str, partitions: &[&str]) -> Self {
        let disk = Self::empty(size);
        let sizes = partitions.iter().map(|size| format!("size={size}\n").replace("size=\n", ";\n"));
        let script = NamedTempFile::new().unwrap();
        let text = format!("label: {table}\n{}", sizes.collect::<String>());
        script.as_file().write_all_at(text.as_bytes(), 0).unwrap();
        let output = Command::new("/sbin/sfdisk")
            .arg("--quiet")
            .arg(disk.image.path())
            .stdin(File::open(script.path()).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        disk
    }

    /// Gives a partition a name in its GPT.
    pub fn name_partition(&self, number: u32, name: &str) {
        tool_with(
            &["/sbin/sfdisk", "--quiet", "--part-label"],
            self.image.path(),
            &[&number.to_string(), name],
        );
    }

    /// The machine cannot write to it.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        self.image.path()
    }

    /// For QEMU: one more virtio disk.
    pub fn arguments(&self) -> [String; 2] {
        let read_only = if self.read_only { ",readonly=on" } else { "" };
        let path = self.image.path().display();
        ["-drive".into(), format!("file={path},format=raw,if=virtio,discard=unmap{read_only}")]
    }

    /// For QEMU: what a device that is plugged in later is connected to.
    pub fn backend(&self, id: &str) -> [String; 2] {
        ["-drive".into(), format!("file={},format=raw,if=none,id={id}", self.image.path().display())]
    }

    /// Writes bytes to the disk.
    pub fn write(&self, at: u64, bytes: &[u8]) {
        self.image.as_file().write_all_at(bytes, at).unwrap();
    }

    /// LUKS2 on the whole disk.
    pub fn luks(&self) {
        let key = NamedTempFile::new().unwrap();
        key.as_file().write_all_at(b"a passphrase", 0).unwrap();
        let key = key.path().display();
        let options = "--batch-mode --type=luks2 --pbkdf=pbkdf2 --pbkdf-force-iterations=1000";
        tool(&format!("cryptsetup luksFormat {options} --key-file={key}"), self.image.path());
    }

    /// What blkid takes the whole disk for.
    pub fn kind(&self) -> String {
        tool("blkid --probe --output value --match-tag TYPE", self.image.path()).trim().to_owned()
    }

    /// As the original makes it: `mkfs.ext4 -O encrypt -F`.
    pub fn mke2fs(&self, number: u32, label: &str) -> &Self {
        self.on_partition(number, &format!("mkfs.ext4 -q -O encrypt -F -L {label}"))
    }

    /// Runs a program with a copy of the partition's content, and takes the copy over.
    pub fn on_partition(&self, number: u32, words: &str) -> &Self {
        let (start, content) = self.partition(number);
        tool(words, content.path());
        copy(content.path(), 0, self.image.path(), start);
        self
    }

    /// debugfs(8) with one request; gives what it prints.
    pub fn debugfs(&self, number: u32, request: &str) -> String {
        let (start, content) = self.partition(number);
        let printed = tool_with(&["/sbin/debugfs", "-w", "-R", request], content.path(), &[]);
        copy(content.path(), 0, self.image.path(), start);
        printed
    }

    /// Whether that text is anywhere on the disk.
    pub fn holds(&self, text: &str) -> bool {
        let grep = ["--quiet", "--text", "--fixed-strings", text];
        Command::new("grep").args(grep).arg(self.image.path()).status().unwrap().success()
    }

    /// What follows the superblock, in all its copies: no repair gets over that.
    pub fn destroy_group_descriptors(&self, number: u32) {
        let (start, content) = self.partition(number);
        let size = content.as_file().metadata().unwrap().len();
        // Groups of 128 MiB, of which some have a copy of the descriptors behind one of the superblock.
        for group in (0..size).step_by(128 << 20) {
            let at = if group == 0 { 4096 } else { group };
            self.write(start + at, &[0xff; 1 << 20]);
        }
    }

    /// The label of the partition's file system.
    pub fn label(&self, number: u32) -> String {
        let (_, content) = self.partition(number);
        tool("e2label", content.path()).trim().to_owned()
    }

    /// # Panics
    /// If anything but zeros is on the disk.
    #[track_caller]
    pub fn expect_untouched(&self) {
        let blocks = std::os::unix::fs::MetadataExt::blocks(&self.image.as_file().metadata().unwrap());
        assert_eq!(blocks, 0, "the disk was written to");
    }

    /// # Panics
    /// Unless the partition is a labelled, encryptable ext4 that was unmounted, in which e2fsck finds nothing wrong.
    #[track_caller]
    pub fn expect_clean_cache(&self, number: u32) {
        let (_, content) = self.partition(number);
        let about = tool("dumpe2fs -h", content.path());
        assert!(about.contains("Filesystem volume name:   B2C_CACHE\n"), "{about}");
        assert!(about.contains("Filesystem state:         clean\n"), "{about}");
        assert!(about.contains(" encrypt ") && !about.contains("needs_recovery"), "{about}");
        tool("e2fsck -f -n", content.path());
    }

    /// Where a partition starts, and a copy of it.
    fn partition(&self, number: u32) -> (u64, NamedTempFile) {
        let dump = tool("sfdisk --dump", self.image.path());
        let line = dump.lines().filter(|line| line.contains("start=")).nth(number as usize - 1).unwrap();
        let field = |name: &str| -> u64 {
            let (_, rest) = line.split_once(name).unwrap();
            rest.trim_start().split([',', ' ']).next().unwrap().parse().unwrap()
        };
        let (start, size) = (field("start=") * 512, field("size=") * 512);
        let content = NamedTempFile::new().unwrap();
        copy(self.image.path(), start, content.path(), 0);
        content.as_file().set_len(size).unwrap();
        (start, content)
    }
}

/// Copies all from `skip` in one file to `seek` in another; dd(1) leaves holes where there are zeros.
fn copy(from: &Path, skip: u64, to: &Path, seek: u64) {
    let words = "status=none bs=1M conv=sparse,notrunc iflag=skip_bytes oflag=seek_bytes";
    let output = Command::new("dd")
        .args(words.split(' '))
        .args([format!("skip={skip}"), format!("seek={seek}")])
        .args([format!("if={}", from.display()), format!("of={}", to.display())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn tool_with(before: &[&str], path: &Path, after: &[&str]) -> String {
    let output = Command::new(before[0]).args(&before[1..]).arg(path).args(after).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
