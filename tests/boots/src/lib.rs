//! The boots that show what the initramfs does: see `tests/`.
