"""An initramfs whose init only prints a line (printer.c)."""

import subprocess
from pathlib import Path

from bench.cpio import Archive
from bench.paths import CACHE

SOURCE = Path(__file__).with_name("printer.c")


def initramfs(line: str) -> Path:
    """Builds it, statically linked."""
    program = CACHE / "printer"
    text = f'-DLINE="{line}"'
    subprocess.run(["gcc", "-static", "-s", "-Os", "-Wall", "-Werror", text, "-o", program, SOURCE], check=True)
    archive = Archive()
    archive.file("init", program.read_bytes(), 0o755)
    path = CACHE / "printer.cpio"
    path.write_bytes(archive.finish())
    return path
