"""Memory floor.

The least memory (QEMU's `-m`, in steps of 8 MB) with which a machine boots, pulls the 1 MB busybox image from a
registry, runs it and ends with status 0. It is bisected between 48 and 512 MB, and has to work twice. The kernel is
Debian's, and takes the larger part of ours. The first row has only the modules that this machine needs; those of
`make dist`, in the second row, take 40 MB of memory by themselves.

The third row is a machine whose cache drive holds an image of 1.3 GB, and which runs a program of that. The peer has
no cache drive.

While the kernel unpacks an xz archive it allocates the archive's whole dictionary. So that this is not what is
measured, the peer's initramfs has a dictionary of 1 MiB here; with the 64 MiB of `xz -9`, its floor is higher still.
"""

import subprocess
import tempfile
from pathlib import Path

from bench import build, busybox, large_image, machine, modules, peer, registry
from bench.paths import CACHE, INITRAMFS, MODULES
from bench.registry import Registry
from bench.results import Row

SMALLEST, LARGEST, STEP = 48, 512, 8
TIMES = 2
DISK_BYTES = 3 << 30


def measure() -> list[Row]:
    with registry.serve() as images:
        busybox.ensure(images)
        run = f"--tls-verify=false docker://{images.address(machine.HOST)}/{busybox.REPOSITORY} true"
        return [
            _row("memory floor", "≤ 96 MB", modules.of_virtual_machine(), run),
            _row("memory floor, all modules of `make dist`", "", MODULES, run),
            _cached(images),
        ]


def _row(what: str, goal: str, archive: Path, run: str) -> Row:
    floors = {}
    for name, initramfs in {"ours": INITRAMFS, "peer": peer.initramfs(peer.FRUGAL)}.items():
        floors[name] = _floor(f"{what}, {name}", (initramfs, archive), run)
    return Row(what, "MB", [floors["ours"]], "peer", [floors["peer"]], goal)


def _cached(images: Registry) -> Row:
    """With a large image on a disk. Its program is Debian's static busybox, which is among its files."""
    large_image.ensure(images)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        cache = _disk_with_image(Path(folder), images)
        archives = INITRAMFS, modules.of_virtual_machine()
        run = f"{images.image_id(large_image.REPOSITORY)} /usr/bin/busybox true"
        floor = _floor("memory floor, cached", archives, run, cache)
    return Row("memory floor, image of 1.3 GB in the cache", "MB", [floor], "", [], "≤ 128 MB")


def _disk_with_image(folder: Path, images: Registry) -> Path:
    """What a machine would have made that pulled the image: there, it takes minutes of emulation."""
    disk, mounted = folder / "disk", folder / "mounted"
    mounted.mkdir()
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "encrypt", "-L", "B2C_CACHE", disk], check=True)
    subprocess.run(["mount", "-o", "loop", disk, mounted], check=True)
    try:
        pull = build.program("-p", "image", "--example", "pull")
        image = f"docker://{images.address()}/{large_image.REPOSITORY}:latest"
        subprocess.run([pull, mounted / "b2c", image, "--tls-verify=false"], check=True, stdout=subprocess.DEVNULL)
    finally:
        subprocess.run(["umount", mounted], check=True)
    return disk


def _floor(name: str, archives: tuple[Path, Path], run: str, cache: Path | None = None) -> int:
    """The least megabytes that work; near the floor a boot may work by luck, so the answer is asked again."""
    sizes = range(SMALLEST, LARGEST + 1, STEP)
    fails, works = -1, len(sizes) - 1
    while works - fails > 1:
        middle = (fails + works) // 2
        if _works(name, archives, run, sizes[middle], cache):
            works = middle
        else:
            fails = middle
    for size in sizes[works:]:
        if all(_works(name, archives, run, size, cache) for _ in range(TIMES - 1)):
            return size
    raise RuntimeError(f"{name}: does not work with {LARGEST} MB either")


def _works(name: str, archives: tuple[Path, Path], run: str, megabytes: int, cache: Path | None) -> bool:
    works = machine.boot(*archives, run, megabytes, cache).status() == 0
    print(f"  {name}: {megabytes} MB {'works' if works else 'fails'}", flush=True)
    return works
