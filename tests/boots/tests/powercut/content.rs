//! Contents that say whether they are whole.

use crate::words::push;
use fastrand::Rng;
use harness::{Image, Layer};
use sha2::{Digest, Sha256};

/// The line that [`CHECK`] prints when it misses nothing.
pub const WHOLE: &str = "every file is whole";

/// The command that checks the files of a [`checked`] image against their list.
///
/// Before, it flushes files of its own, as programs do. The file system's journal is written then, and with it the names of layers: if a
/// store gave them before all of a layer was on the drive, the next cut makes torn layers of them. Otherwise it would lose the names, too.
pub const CHECK: &str = "for i in $(seq 9); do echo $i >/tmp/$i && sync /tmp/$i; done; \
    cd / && sha256sum -c /list >/tmp/report && echo every file is whole || { grep -v OK /tmp/report; exit 1; }";

/// The largest file's size in bytes.
const LARGE_FILE: usize = 1_500_000;

/// Pushes a [`checked_image`]; gives its name for a machine.
pub fn checked(name: &str) -> String {
    push(&checked_image(name, &[LARGE_FILE, 700_001, 4096]), &format!("{name}:latest"))
}

/// An image of three layers with many files, and a list of their digests. The last layer has files of these sizes.
pub fn checked_image(name: &str, large: &[usize]) -> Image {
    let mut list = line("bin/busybox", &std::fs::read("/bin/busybox").unwrap());
    let mut layer = |folder: &str, sizes: &[usize]| {
        sizes.iter().zip(0..).fold(Layer::new().directory(folder, 0o755), |layer, (size, number)| {
            let path = format!("{folder}/{number}");
            let contents = contents(name, &path, *size);
            list += &line(&path, &contents);
            layer.file(&path, 0o644, contents)
        })
    };
    let sizes: Vec<_> = (0..150).map(|number| number * 97 % 9000).collect();
    let small = layer("small", &sizes);
    let large = layer("large", large);
    Image::busybox().layer(small).layer(large.file("list", 0o644, list))
}

/// What is in the largest file of the [`checked`] image of that name.
pub fn large_file(name: &str) -> Vec<u8> {
    contents(name, "large/0", LARGE_FILE)
}

/// What an image of that name has in a file.
fn contents(name: &str, path: &str, size: usize) -> Vec<u8> {
    let seed =
        format!("{name}/{path}").bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
    let mut contents = vec![0; size];
    Rng::with_seed(seed).fill(&mut contents);
    contents
}

/// As sha256sum wants it.
fn line(path: &str, contents: &[u8]) -> String {
    let digest = Sha256::digest(contents);
    let hex = digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("{hex}  {path}\n")
}

/// fsync(2) of a path, for [`write_files`].
pub const FSYNC: &str = "sync";

/// The command that writes `count` numbered files into `folder`, and prints `wrote N` after file N.
///
/// Each comes under another name first, as careful programs do it; `flush` is what such programs put between the steps, with the path of
/// what has to last.
pub fn write_files(folder: &str, count: u32, flush: &str) -> String {
    format!(
        "for i in $(seq {count}); do {NUMBERED} >{folder}/part && {flush} {folder}/part && mv {folder}/part {folder}/$i \
         && {flush} {folder} && echo wrote $i || exit 1; done"
    )
}

/// The command that checks the first `count` of those files.
pub fn check_files(folder: &str, count: u32) -> String {
    format!(
        "for i in $(seq {count}); do {NUMBERED} | cmp - {folder}/$i || {{ echo file $i is torn; exit 1; }}; done; \
         echo all of {count} are whole"
    )
}

/// Prints what is in file `$i`.
const NUMBERED: &str = "yes file-$i | head -c 30000";

/// How many files were written, as the console says.
pub fn written(console: &str) -> u32 {
    let wrote = console.lines().filter_map(|line| line.trim_end().strip_prefix("wrote ")?.parse().ok());
    wrote.max().unwrap_or(0)
}
