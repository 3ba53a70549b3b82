"""Memory floor.

The least memory (QEMU's `-m`, in steps of 8 MB) with which a machine boots, pulls the 1 MB busybox image from a
registry, runs it and ends with status 0. It is bisected between 48 and 512 MB, and has to work twice. The kernel is
Debian's, and takes the larger part of ours.

While the kernel unpacks an xz archive it allocates the archive's whole dictionary. So that this is not what is
measured, the peer's initramfs has a dictionary of 1 MiB here; with the 64 MiB of `xz -9`, its floor is higher still.
"""

from pathlib import Path

from bench import busybox, machine, peer, registry
from bench.paths import INITRAMFS
from bench.results import Row

SMALLEST, LARGEST, STEP = 48, 512, 8
TIMES = 2


def measure() -> list[Row]:
    with registry.serve() as images:
        busybox.ensure(images)
        run = f"--tls-verify=false docker://{images.address(machine.HOST)}/{busybox.REPOSITORY} true"
        ours = _floor("ours", INITRAMFS, run)
        theirs = _floor("peer", peer.initramfs(peer.FRUGAL), run)
    return [Row("memory floor", "MB", [ours], "peer", [theirs], "≤ 96 MB")]


def _floor(name: str, initramfs: Path, run: str) -> int:
    """The least megabytes that work; near the floor a boot may work by luck, so the answer is asked again."""
    sizes = range(SMALLEST, LARGEST + 1, STEP)
    fails, works = -1, len(sizes) - 1
    while works - fails > 1:
        middle = (fails + works) // 2
        if _works(name, initramfs, run, sizes[middle]):
            works = middle
        else:
            fails = middle
    for size in sizes[works:]:
        if all(_works(name, initramfs, run, size) for _ in range(TIMES - 1)):
            return size
    raise RuntimeError(f"{name}: does not work with {LARGEST} MB either")


def _works(name: str, initramfs: Path, run: str, megabytes: int) -> bool:
    works = machine.boot(initramfs, run, megabytes).status() == 0
    print(f"  {name}: {megabytes} MB {'works' if works else 'fails'}", flush=True)
    return works
