"""Initramfs.

The bytes of the initramfs as xz, without kernel modules. The peer's is made with `xz -9 --check=crc32`, the smallest
that the kernel can read; ours is the file that `make dist` leaves.
"""

from bench import peer
from bench.paths import INITRAMFS
from bench.results import Row


def measure() -> list[Row]:
    ours, theirs = ([path.stat().st_size / 1e6] for path in (INITRAMFS, peer.initramfs(peer.SMALLEST)))
    return [Row("initramfs, xz", "MB", ours, "peer", theirs, "≤ 2.5 MB")]
