"""The 1 MB image that boots and container runs use: Debian's static busybox under the names of its applets."""

import io
import subprocess
import tarfile
import zlib
from pathlib import Path

from bench import peer
from bench.registry import Layer, Registry, sha256

REPOSITORY = "busybox"


def ensure(registry: Registry) -> None:
    """Puts the image into the registry unless it is there."""
    if not registry.has(REPOSITORY):
        archive = _archive()
        registry.push(REPOSITORY, [Layer(_gzip(archive), sha256(archive))])


def unpack(folder: Path) -> None:
    """The image's files, for a container without an image."""
    with tarfile.open(fileobj=io.BytesIO(_archive())) as archive:
        archive.extractall(folder)


def _archive() -> bytes:
    peer.unpack()
    program = peer.DEBIAN / "bin/busybox"
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "dev", "etc", "proc", "root", "sys", "tmp"):
            archive.addfile(_member(folder, tarfile.DIRTYPE))
        archive.addfile(_member("bin/busybox", size=program.stat().st_size), io.BytesIO(program.read_bytes()))
        for applet in sorted(set(applets) - {"busybox"}):
            link = _member(f"bin/{applet}", tarfile.LNKTYPE)
            link.linkname = "bin/busybox"
            archive.addfile(link)
        for name, text in (("passwd", b"root:x:0:0:root:/root:/bin/sh\n"), ("group", b"root:x:0:\n")):
            archive.addfile(_member(f"etc/{name}", size=len(text), mode=0o644), io.BytesIO(text))
    return buffer.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, mode: int = 0o755) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.mode = kind, size, mode
    return member


def _gzip(content: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(content) + packer.flush()
