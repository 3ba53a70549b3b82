"""cpio archives in the "newc" format (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).

The same content gives the same bytes: no times, no owners, inode numbers counted up.
"""

import stat
from pathlib import Path

HEADER_BYTES = 110
TRAILER = "TRAILER!!!"


class Archive:
    """An archive in memory. Parent folders are added by themselves."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._names: set[str] = set()

    def folder(self, name: str, mode: int = 0o755) -> None:
        if name in self._names:
            return
        self._parents(name)
        self._entry(name, stat.S_IFDIR | mode, b"")

    def file(self, name: str, content: bytes, mode: int = 0o644) -> None:
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, content)

    def link(self, name: str, target: str) -> None:
        self._parents(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def finish(self) -> bytes:
        self._entry(TRAILER, 0, b"")
        return bytes(self._bytes)

    def _parents(self, name: str) -> None:
        for parent in reversed(Path(name).parents):
            if str(parent) != ".":
                self.folder(str(parent))

    def _entry(self, name: str, mode: int, content: bytes) -> None:
        if name in self._names:
            raise ValueError(f"{name}: twice in one archive")
        self._names.add(name)
        encoded = name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        fields = (len(self._names), mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        self._bytes += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._pad()
        self._bytes += content
        self._pad()

    def _pad(self) -> None:
        self._bytes += bytes(-len(self._bytes) % 4)


def read(archive: bytes) -> dict[str, bytes]:
    """The regular files of one archive: name and content."""
    files: dict[str, bytes] = {}
    position = 0
    while True:
        fields = [int(archive[at : at + 8], 16) for at in range(position + 6, position + HEADER_BYTES, 8)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[position + HEADER_BYTES : position + HEADER_BYTES + name_size - 1].decode()
        if name == TRAILER:
            return files
        start = _aligned(position + HEADER_BYTES + name_size)
        if stat.S_ISREG(mode):
            files[name] = archive[start : start + size]
        position = _aligned(start + size)


def _aligned(position: int) -> int:
    return position + -position % 4
