"""Memory floor.

The least memory (QEMU's `-m`, in steps of 8 MB) with which a machine boots, pulls the 1 MB busybox image from a
registry, runs it and ends with status 0. It is bisected between 48 and 512 MB, and has to work twice. The kernel is
Debian's, and takes the larger part of ours. The first row has only the modules that this machine needs; those of
`make dist`, in the second row, take 40 MB of memory by themselves.

While the kernel unpacks an xz archive it allocates the archive's whole dictionary. So that this is not what is
measured, the peer's initramfs has a dictionary of 1 MiB here; with the 64 MiB of `xz -9`, its floor is higher still.
"""

from pathlib import Path

from bench import busybox, machine, modules, peer, registry
from bench.paths import INITRAMFS, MODULES
from bench.results import Row

SMALLEST, LARGEST, STEP = 48, 512, 8
TIMES = 2


def measure() -> list[Row]:
    with registry.serve() as images:
        busybox.ensure(images)
        run = f"--tls-verify=false docker://{images.address(machine.HOST)}/{busybox.REPOSITORY} true"
        return [
            _row("memory floor", "≤ 96 MB", modules.of_virtual_machine(), run),
            _row("memory floor, all modules of `make dist`", "", MODULES, run),
        ]


def _row(what: str, goal: str, archive: Path, run: str) -> Row:
    floors = {}
    for name, initramfs in {"ours": INITRAMFS, "peer": peer.initramfs(peer.FRUGAL)}.items():
        floors[name] = _floor(f"{what}, {name}", (initramfs, archive), run)
    return Row(what, "MB", [floors["ours"]], "peer", [floors["peer"]], goal)


def _floor(name: str, archives: tuple[Path, Path], run: str) -> int:
    """The least megabytes that work; near the floor a boot may work by luck, so the answer is asked again."""
    sizes = range(SMALLEST, LARGEST + 1, STEP)
    fails, works = -1, len(sizes) - 1
    while works - fails > 1:
        middle = (fails + works) // 2
        if _works(name, archives, run, sizes[middle]):
            works = middle
        else:
            fails = middle
    for size in sizes[works:]:
        if all(_works(name, archives, run, size) for _ in range(TIMES - 1)):
            return size
    raise RuntimeError(f"{name}: does not work with {LARGEST} MB either")


def _works(name: str, archives: tuple[Path, Path], run: str, megabytes: int) -> bool:
    works = machine.boot(*archives, run, megabytes).status() == 0
    print(f"  {name}: {megabytes} MB {'works' if works else 'fails'}", flush=True)
    return works
