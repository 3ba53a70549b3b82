"""The large image that pulls are measured with: about 1.3 GB of /usr's files in four gzip layers."""

import os
import tarfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from bench.registry import Layer, Registry

REPOSITORY = "large"
LAYERS = 4
LAYER_BYTES = 1_300_000_000 // LAYERS
# gzip's default, which registries mostly hold.
LEVEL = 6


def ensure(registry: Registry) -> None:
    """Puts the image into the registry unless it is there: about a minute."""
    if not registry.has(REPOSITORY):
        # zlib and hashlib work in parallel; what they make of each layer is kept in memory.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            registry.push(REPOSITORY, list(pool.map(_layer, _shares())))


def _shares() -> list[list[Path]]:
    """Files for each layer, in the order of their names."""
    files = _files(Path("/usr"))
    return [list(_take(files, LAYER_BYTES)) for _ in range(LAYERS)]


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def _take(files: Iterator[Path], size: int) -> Iterator[Path]:
    taken = 0
    for path in files:
        yield path
        taken += path.lstat().st_size
        if taken >= size:
            return


def _layer(files: list[Path]) -> Layer:
    packer = _Packer()
    with tarfile.open(fileobj=packer, mode="w|", bufsize=1 << 20, format=tarfile.GNU_FORMAT) as archive:
        for path in files:
            archive.add(path, recursive=False)
    return packer.finish()


class _Packer:
    """What a tar archive is written to: compresses and hashes it on the way."""

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(LEVEL, wbits=31)
        self._packed = bytearray()
        self._digest = sha256()

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        self._packed += self._gzip.compress(content)
        return len(content)

    def finish(self) -> Layer:
        self._packed += self._gzip.flush()
        return Layer(bytes(self._packed), f"sha256:{self._digest.hexdigest()}")
