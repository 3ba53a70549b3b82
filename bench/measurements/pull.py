"""Pull and unpack of a large image.

On this computer: an image of four gzip layers, about 1.3 GB of files from /usr, from a registry on loopback into an
empty store on this computer's disk. Ours is the program `pull` (crates/image/examples, release profile, static),
podman is `podman pull`; both end with every file unpacked. `skopeo copy` to a folder only fetches and checks the
layers: a floor, and no rival. All end with sync(2), counted, so that all are equally durable; nothing is dropped from
the page cache, and the registry's own work is in all wall times. CPU is user and system time of the program and its
children, without sync and without the registry.
"""

import os
import shutil
import tempfile
from pathlib import Path

from bench import build, large_image, peer, process, registry
from bench.paths import CACHE
from bench.process import Times
from bench.registry import Registry
from bench.results import Row

ROUNDS = 3
# podman looks for these programs although a pull starts neither.
PODMAN_SETTINGS = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
conmon_path = ["%(debian)s/usr/bin/conmon"]
runtime = "crun"
[engine.runtimes]
crun = ["%(debian)s/usr/bin/crun"]
[network]
network_backend = "cni"
"""
PODMAN_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "%(into)s/root"
runroot = "%(into)s/run"
"""


def measure() -> list[Row]:
    ours = build.program("-p", "image", "--example", "pull")
    times: dict[str, list[Times]] = {"ours": [], "podman": [], "skopeo": []}
    # On the disk: /tmp may be memory.
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, registry.serve() as images:
        large_image.ensure(images)
        environment = _environment(Path(folder))
        for number in range(ROUNDS):
            for name in times:
                into = Path(folder, "into")
                times[name].append(_once(_command(name, ours, images, into), into, environment))
                print(f"  {number + 1}/{ROUNDS} {name}: {times[name][-1].wall:.1f} s", flush=True)
    versions = peer.unpack()
    podman, skopeo = (f"{name} {versions[name].split('+')[0]}" for name in ("podman", "skopeo"))
    return [
        Row("pull + unpack, 1.3 GB: wall", "s", _wall(times["ours"]), podman, _wall(times["podman"]), "ratio ≥ 4"),
        Row("pull + unpack, 1.3 GB: CPU", "s", _cpu(times["ours"]), podman, _cpu(times["podman"])),
        Row("the same, against fetching alone: wall", "s", _wall(times["ours"]), skopeo, _wall(times["skopeo"])),
    ]


def _command(name: str, ours: Path, images: Registry, into: Path) -> list:
    """Pulls the image into the empty folder `into`."""
    image = f"docker://{images.address()}/{large_image.REPOSITORY}:latest"
    policy = peer.ROOTFS / "etc/containers/policy.json"
    podman = [peer.DEBIAN / "usr/bin/podman", "pull", "--quiet", "--signature-policy", policy]
    skopeo = [peer.DEBIAN / "usr/bin/skopeo", "--policy", policy, "copy", "--quiet", "--src-tls-verify=false"]
    return {
        "ours": [ours, into, image, "--tls-verify=false"],
        "podman": [*podman, "--tls-verify=false", image],
        "skopeo": [*skopeo, image, f"dir:{into}"],
    }[name]


def _once(command: list, into: Path, environment: dict[str, str]) -> Times:
    """One pull; what it leaves is removed afterwards, so that every round meets the same disk."""
    into.mkdir()
    os.sync()
    times = process.run(command, environment, then_sync=True)
    shutil.rmtree(into)
    return times


def _environment(folder: Path) -> dict[str, str]:
    """For the unpacked programs: settings of our own, none of this computer's."""
    settings, storage, registries = (folder / name for name in ("containers.conf", "storage.conf", "registries.conf"))
    settings.write_text(PODMAN_SETTINGS % {"debian": peer.DEBIAN})
    storage.write_text(PODMAN_STORAGE % {"into": folder / "into"})
    registries.write_text("")
    # Where podman and skopeo keep what they are fetching.
    (folder / "tmp").mkdir()
    return peer.environment() | {
        "CONTAINERS_CONF": str(settings),
        "CONTAINERS_STORAGE_CONF": str(storage),
        "CONTAINERS_REGISTRIES_CONF": str(registries),
        "TMPDIR": str(folder / "tmp"),
    }


def _wall(times: list[Times]) -> list[float]:
    return [time.wall for time in times]


def _cpu(times: list[Times]) -> list[float]:
    return [time.cpu for time in times]
