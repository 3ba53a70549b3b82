"""A small archive of kernel modules: those that QEMU's machine needs and no others, taken from the archive of `make dist`."""

import lzma
import subprocess
from pathlib import Path

from bench.cpio import Archive, read
from bench.paths import CACHE, MODULES

WANTED = ("virtio_net", "virtio_blk", "virtio_rng", "overlay")


def of_virtual_machine() -> Path:
    """An archive for a machine of `bench.machine`, with a small dictionary: half a megabyte."""
    files = read(lzma.decompress(MODULES.read_bytes()))
    [folder] = {Path(name).parent for name in files if name.endswith("/modules.dep")}
    dependencies = {}
    for line in files[f"{folder}/modules.dep"].decode().splitlines():
        module, _, needed = line.partition(":")
        dependencies[module] = needed.split()
    chosen = set()
    for module in dependencies:
        if _name(module) in WANTED:
            chosen |= {module, *dependencies[module]}
    archive = Archive()
    for module in sorted(chosen):
        archive.file(f"{folder}/{module}", files[f"{folder}/{module}"])
    names = {_name(module) for module in chosen}
    index = "".join(f"{module}: {' '.join(dependencies[module])}\n" for module in sorted(chosen))
    archive.file(f"{folder}/modules.dep", index.encode())
    aliases = files[f"{folder}/modules.alias"].decode().splitlines(keepends=True)
    archive.file(f"{folder}/modules.alias", "".join(line for line in aliases if line.split()[-1] in names).encode())
    archive.file(f"{folder}/modules.builtin", files[f"{folder}/modules.builtin"])
    compress = ["xz", "--check=crc32", "--lzma2=preset=9,dict=1MiB", "--stdout"]
    packed = subprocess.run(compress, input=archive.finish(), check=True, capture_output=True).stdout
    path = CACHE / "modules.cpio.xz"
    path.write_bytes(packed)
    return path


def _name(module: str) -> str:
    return Path(module).name.split(".")[0]
