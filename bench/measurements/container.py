"""Container create, start and exit.

On this computer, without a virtual machine: `b2c-container run SPEC.json` (this project's runtime as a program of its
own, release profile, static) and `crun run` start the same root file system of busybox with the same command
(`true`), namespaces, mounts and capabilities, with all of this computer's devices and without a system call filter, as
`--privileged` has it; from the start of the program to its end, the cgroup removed. Both are run in a mount namespace
with plain cgroup v2.
"""

import ctypes
import json
import os
import stat
import subprocess
import tempfile
from pathlib import Path

from bench import build, busybox, peer, process
from bench.results import Row

ROUNDS = 60
WARM_UP = 5
CLONE_NEWNS = 0x00020000  # sched.h
COMMAND = ["/bin/true"]
ENVIRONMENT = ["PATH=/bin"]
# Destination, type, flags and data of a mount. Both runtimes are given these; ours take the flags as mount(2) has them (mount.h).
FLAGS = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "relatime": 1 << 21, "strictatime": 1 << 24}
HARMLESS = ["nosuid", "noexec", "nodev"]
MOUNTS: tuple[tuple[str, str, list[str], list[str]], ...] = (
    ("/proc", "proc", HARMLESS, []),
    ("/dev", "tmpfs", ["nosuid", "strictatime"], ["mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", ["nosuid", "noexec"], ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/dev/shm", "tmpfs", HARMLESS, ["mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", HARMLESS, []),
    ("/sys", "sysfs", [*HARMLESS, "ro"], []),
    ("/sys/fs/cgroup", "cgroup2", [*HARMLESS, "relatime", "ro"], []),
)
# Docker's and podman's default set: number (capability.h) and name.
CAPABILITIES = {
    0: "CHOWN", 1: "DAC_OVERRIDE", 3: "FOWNER", 4: "FSETID", 5: "KILL", 6: "SETGID", 7: "SETUID", 8: "SETPCAP",
    10: "NET_BIND_SERVICE", 18: "SYS_CHROOT", 31: "SETFCAP",
}  # fmt: skip


def measure() -> list[Row]:
    runtime = build.program("-p", "container", "--bin", "b2c-container")
    environment = peer.environment()
    _use_plain_cgroups()
    times: dict[str, list[float]] = {"ours": [], "crun": []}
    with tempfile.TemporaryDirectory(prefix="b2c-bench") as name:
        folder = Path(name)
        busybox.unpack(folder / "rootfs")
        (folder / "spec.json").write_text(json.dumps(_spec(folder / "rootfs")))
        (folder / "config.json").write_text(json.dumps(_oci_config()))
        crun = [peer.DEBIAN / "usr/bin/crun", "--root", folder / "state", "--cgroup-manager", "cgroupfs"]
        commands = {
            "ours": [runtime, "run", folder / "spec.json"],
            "crun": [*crun, "run", "--bundle", folder, f"b2c-bench-{os.getpid()}"],
        }
        for number in range(WARM_UP + ROUNDS):
            for contender, command in commands.items():
                wall = process.run(command, environment).wall
                if number >= WARM_UP:
                    times[contender].append(wall * 1000)
    version = peer.unpack()["crun"].split("-")[0]
    return [Row("container create + start + exit", "ms", times["ours"], f"crun {version}", times["crun"], "ratio ≥ 1")]


def _use_plain_cgroups() -> None:
    """Gives this process a mount namespace where /sys/fs/cgroup is cgroup v2 alone, as in a boot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["umount", "--recursive", "/sys/fs/cgroup"], check=True)
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"], check=True)


def _spec(rootfs: Path) -> dict:
    """Our runtime's input (crates/container/src/spec.rs)."""
    mounts = [
        {
            "destination": destination,
            "source": {"Filesystem": {"kind": kind, "data": ",".join(data)}},
            "flags": sum(FLAGS[flag] for flag in flags),
            "propagation": 0,
        }
        for destination, kind, flags, data in MOUNTS
    ]
    return {
        "id": f"b2c-bench-{os.getpid()}", "rootfs": str(rootfs), "readonly_rootfs": False,
        "args": COMMAND, "env": ENVIRONMENT, "cwd": "/",
        "user": {"uid": 0, "gid": 0, "additional_gids": [], "umask": 0o022}, "hostname": None,
        "namespaces": {"pid": True, "network": False, "ipc": True, "uts": True, "cgroup": True},
        "mounts": mounts, "devices": "All", "capabilities": sum(1 << number for number in CAPABILITIES),
        "rlimits": [], "sysctl": [], "masked_paths": [], "readonly_paths": [], "no_new_privileges": True,
        "seccomp": "Unconfined", "resources": {"memory": None, "cpu": None, "pids": None, "unified": []},
        "oom_score_adj": None, "terminal": False, "stdin": False, "init": False, "stop_signal": 15, "stop_timeout": 10,
    }  # fmt: skip


def _oci_config() -> dict:
    """The same for crun (OCI runtime-spec, config.md)."""
    names = [f"CAP_{name}" for name in CAPABILITIES.values()]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0, "umask": 0o022}, "args": COMMAND, "env": ENVIRONMENT, "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), names), "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": False},
        "mounts": [
            # A runtime knows cgroup v2 by the name of v1.
            {"destination": place, "type": kind.removesuffix("2"), "source": kind, "options": flags + data}
            for place, kind, flags, data in MOUNTS
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")],
            "devices": _machine_devices(),
            "resources": {"devices": [{"allow": True, "access": "rwm"}]},
        },
    }  # fmt: skip


def _machine_devices() -> list[dict]:
    """All device nodes in /dev and below, as podman gives them to crun for `--privileged`."""
    devices = []
    for path in sorted(Path("/dev").rglob("*")):
        status = path.lstat()
        kind = {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}.get(stat.S_IFMT(status.st_mode))
        # Other file systems in it, such as /dev/pts, the container has of its own.
        if kind and status.st_dev == Path("/dev").stat().st_dev and path.name != "console":
            major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
            mode = status.st_mode & 0o777
            devices.append({"path": str(path), "type": kind, "major": major, "minor": minor, "fileMode": mode})
    return devices
