//! `b2c`: check a command line, build the initramfs, boot it in a VM.
fn main() {}
