"""Boots in QEMU, with this computer's time of each line on the serial console."""

import os
import re
import selectors
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.paths import KERNEL

# A kernel panic ends the machine, too: `panic=-1` restarts it and `-no-reboot` turns that into its end.
# loglevel=7 shows the kernel's "Run /init as init process".
WORDS = "console=ttyS0 loglevel=7 panic=-1"
STATUS = re.compile(r"\[.*\]: Execution is over, pipeline status: (\d+)")
# KVM is not used even where it works: the figures of different machines have to mean the same. One processor, as in the demo that users know.
QEMU = (
    "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
    "-machine", "q35,sata=off,smbus=off", "-accel", "tcg", "-cpu", "max",
    "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
    "-netdev", "user,id=network", "-device", "virtio-net-pci,netdev=network",
)  # fmt: skip
# This computer's loopback, as seen from the machine.
HOST = "10.0.2.2"


@dataclass
class Line:
    """One line of the console."""

    seconds: float  # since QEMU was started
    text: str


class Console:
    """What a machine printed from start to end."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._rest = b""

    def feed(self, seconds: float, received: bytes) -> None:
        *whole, self._rest = (self._rest + received).split(b"\n")
        self.lines += (Line(seconds, line.decode(errors="replace").rstrip("\r")) for line in whole)

    def when(self, pattern: str) -> float | None:
        """The time of the first line that matches the whole pattern."""
        return next((line.seconds for line in self.lines if re.fullmatch(pattern, line.text)), None)

    def status(self) -> int | None:
        """The pipeline's status, or None if the machine did not come that far."""
        found = (STATUS.fullmatch(line.text) for line in self.lines)
        return next((int(match[1]) for match in found if match), None)

    def text(self) -> str:
        return "\n".join(f"{line.seconds:8.3f} {line.text}" for line in self.lines)


def boot(
    initramfs: Path, modules: Path, run: str, megabytes: int, cache: Path | None = None, patience: float = 90
) -> Console:
    """Boots Debian's kernel with the two archives and runs one container; ends the machine after `patience` seconds.

    `cache` is the image of a disk, which becomes the cache.
    """
    with tempfile.NamedTemporaryFile(prefix="b2c-bench") as initrd:
        for part in (initramfs, modules):
            content = part.read_bytes()
            # The kernel looks for the next archive at a multiple of four.
            initrd.write(content + bytes(-len(content) % 4))
        initrd.flush()
        words = f'{WORDS} b2c.run="{run}"'
        disk: tuple = ()
        if cache:
            words += " b2c.cache_device=auto"
            disk = ("-drive", f"file={cache},format=raw,if=virtio,discard=unmap")
        command = (*QEMU, *disk, "-m", f"{megabytes}M", "-kernel", KERNEL, "-initrd", initrd.name, "-append", words)
        return _watch(command, patience)


def _watch(command: tuple, patience: float) -> Console:
    console = Console()
    start = time.monotonic()
    qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert qemu.stdout
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(qemu.stdout, selectors.EVENT_READ)
            while (left := start + patience - time.monotonic()) > 0 and selector.select(left):
                received = os.read(qemu.stdout.fileno(), 65536)
                if not received:
                    break
                console.feed(time.monotonic() - start, received)
    finally:
        qemu.kill()
        qemu.communicate()
    return console
