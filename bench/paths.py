"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
DIST = ROOT / "dist"

KERNEL = DIST / "linux-x86_64"
MODULES = DIST / "linux-x86_64.modules.cpio.xz"
INITRAMFS = DIST / "initramfs.linux_amd64.cpio.xz"
