"""The peer: an initramfs of Debian's podman, crun, conmon, busybox and mke2fs.

`rootfs/` holds its own files, and an init that does what the original does; everything else comes from Debian's
packages. It has no S3 client, no u-root and no firmware, so it is smaller than the original.
"""

import hashlib
import os
import re
import subprocess
from pathlib import Path

from bench import packages
from bench.cpio import Archive
from bench.paths import CACHE

PROGRAMS = ("usr/bin/podman", "usr/bin/conmon", "usr/bin/crun", "sbin/mke2fs")
PACKAGES = (
    "busybox-static", "ca-certificates", "conmon", "crun", "e2fsprogs", "golang-github-containers-common", "podman",
    # Where the programs' libraries are.
    "libassuan0", "libaudit1", "libblkid1", "libbz2-1.0", "libc6", "libcap-ng0", "libcap2", "libcom-err2", "libcrypt1",
    "libdevmapper1.02.1", "libext2fs2", "libgcrypt20", "libglib2.0-0", "libgpg-error0", "libgpgme11", "liblz4-1", "liblzma5",
    "libpam0g", "libpcre2-8-0", "libseccomp2", "libselinux1", "libsemanage2", "libsepol2", "libsubid4", "libsystemd0", "libudev1",
    "libuuid1", "libyajl2", "libzstd1",
    # Not in the initramfs: what pulling an image is also measured against.
    "skopeo",
)  # fmt: skip
LIBRARY_FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
LIBC = ("ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6")
# The kernel checks no other sum than CRC32, and allocates the whole dictionary while it unpacks: what is smallest on a disk is not
# what boots in the least memory.
SMALLEST = "64MiB"
FRUGAL = "1MiB"

DEBIAN = CACHE / "debian"
ROOTFS = Path(__file__).parent / "rootfs"


def unpack() -> dict[str, str]:
    """Debian's files in `DEBIAN`; returns the packages' versions."""
    return packages.unpack(PACKAGES, DEBIAN)


def environment() -> dict[str, str]:
    """With it, the unpacked programs run on this machine: all their libraries but libc, which must be its loader's own."""
    unpack()
    folder = CACHE / "libraries"
    folder.mkdir(exist_ok=True)
    for library in _libraries():
        link = folder / library.name
        if library.name not in LIBC and not link.is_symlink():
            link.symlink_to(library)
    return os.environ | {"LD_LIBRARY_PATH": str(folder)}


def initramfs(dictionary: str) -> Path:
    """The peer's initramfs (`SMALLEST` or `FRUGAL`), built unless the same one is there already."""
    unpack()
    archive = _archive()
    path = CACHE / f"peer-{hashlib.sha256(archive).hexdigest()[:16]}-{dictionary}.cpio.xz"
    if not path.exists():
        for outdated in CACHE.glob(f"peer-*-{dictionary}.cpio.xz"):
            outdated.unlink()
        compress = ["xz", "--check=crc32", f"--lzma2=preset=9,dict={dictionary}", "--threads=1", "--stdout"]
        path.write_bytes(subprocess.run(compress, input=archive, check=True, capture_output=True).stdout)
    return path


def _archive() -> bytes:
    archive = Archive()
    for name in ("dev", "proc", "sys", "run", "tmp", "var/tmp", "var/lib/containers", "root"):
        archive.folder(name)
    for path in sorted(ROOTFS.rglob("*")):
        if path.is_file():
            mode = 0o755 if path.read_bytes().startswith(b"#!") else 0o644
            archive.file(str(path.relative_to(ROOTFS)), path.read_bytes(), mode)
    for program in PROGRAMS:
        archive.file(program, (DEBIAN / program).read_bytes(), 0o755)
    for library in sorted(_libraries()):
        archive.file(f"lib/x86_64-linux-gnu/{library.name}", library.read_bytes(), 0o755)
    # Where the kernel looks for the programs' interpreter.
    archive.link("lib64", "lib/x86_64-linux-gnu")
    # Where busybox looks for modules, and where the archive of `make dist` has them.
    archive.link("lib/modules", "../usr/lib/modules")
    _add_busybox(archive)
    archive.file("usr/share/containers/seccomp.json", (DEBIAN / "usr/share/containers/seccomp.json").read_bytes())
    authorities = sorted((DEBIAN / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    archive.file("etc/ssl/certs/ca-certificates.crt", b"".join(path.read_bytes() for path in authorities))
    return archive.finish()


def _add_busybox(archive: Archive) -> None:
    busybox = DEBIAN / "bin/busybox"
    archive.file("bin/busybox", busybox.read_bytes(), 0o755)
    applets = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in sorted(set(applets) - {"busybox"}):
        archive.link(f"bin/{applet}", "busybox")


def _libraries() -> set[Path]:
    """The shared libraries that the programs need, and those that these need in turn."""
    found: dict[str, Path] = {}
    todo = [DEBIAN / program for program in PROGRAMS]
    while todo:
        for name in _needed(todo.pop()):
            if name not in found:
                found[name] = _library(name)
                todo.append(found[name])
    return set(found.values())


def _needed(program: Path) -> list[str]:
    dynamic = subprocess.run(["readelf", "--dynamic", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)


def _library(name: str) -> Path:
    for folder in LIBRARY_FOLDERS:
        path = DEBIAN / folder / name
        if path.exists():
            # Not resolved: the name that programs ask for is the link's.
            return path
    raise FileNotFoundError(f"{name}: in none of the peer's packages")
