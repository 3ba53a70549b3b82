"""Mirrors of S3 buckets.

On this computer: a folder is pushed into an empty bucket, pushed once more with nothing to do, pulled into an empty
folder, and pulled once more with nothing to do. The server is Garage on loopback, with an empty store for each tool and
round, because it keeps equal data once. There are two folders: 5,000 files of 10 kB in 50 folders, and one file of 1 GB;
all is random. Ours is the program `mirror` (crates/mirror/examples, release profile, static) with `--overwrite
--remove`. Its rivals are `rclone sync` (Debian's) and `s5cmd sync --delete`; each row has the faster one.

All work with as many files, and as many parts of a file, at once as they see fit: ours has 16 files and 4 parts of
16 MiB, s5cmd its defaults (256 workers, 5 parts of 50 MB), rclone what its manual recommends for S3 (`--fast-list
--update --use-server-modtime`, parts of 16 MiB, 8 at once) and 16 files, which is faster than its default of 4. All check
what they transfer as they do by default. When something is pulled, ours and rclone compare its MD5, which for 1 GB is
two thirds of our CPU; s5cmd compares nothing, and is faster there.

Ours flushes what it has pulled before a file gets its name, so that a power cut leaves no half file; the rivals do not.
Pulls end with sync(2), counted, so that all are equally durable. Nothing is dropped from the page cache, and the server's
own work, which is the larger part of most rows, is in all wall times. CPU is user and system time of the tool alone. What
was pulled is compared with what was pushed.
"""

import filecmp
import os
import random
import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import build, garage, packages, process
from bench.garage import Garage
from bench.paths import CACHE
from bench.process import Times
from bench.results import Row

ROUNDS = 3
BUCKET = "mirror"
S5CMD = CACHE / "venv/lib/python3.11/site-packages/s5cmd/bin/s5cmd"
RCLONE = CACHE / "rclone"
MIB = 1 << 20
RCLONE_SETTINGS = (
    "--fast-list", "--update", "--use-server-modtime", "--transfers=16", "--checkers=16",
    "--s3-chunk-size=16M", "--s3-upload-concurrency=8",
)  # fmt: skip
STEPS = ("push", "push, nothing to do", "pull", "pull, nothing to do")


@dataclass
class Tool:
    """A contender; `name` as in the table."""

    name: str
    # What pushes the folder into the bucket of that server, or pulls it.
    command: Callable[[Garage, str, Path], list]


def measure() -> list[Row]:
    tools = _tools()
    folders = {"mirror, 5,000 × 10 kB": _small_files, "mirror, 1 GB": _large_file}
    # On the disk: /tmp may be memory.
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        return [row for what, make in folders.items() for row in _rows(what, make, tools, Path(name))]


def _rows(what: str, make: Callable[[Path], None], tools: list[Tool], folder: Path) -> list[Row]:
    source = folder / "source"
    make(source)
    times: dict[tuple[str, str], list[Times]] = {(tool.name, step): [] for tool in tools for step in STEPS}
    for number in range(ROUNDS):
        for tool in tools:
            for step, time in zip(STEPS, _steps(tool, source, folder / "pulled"), strict=True):
                times[tool.name, step].append(time)
                print(f"  {number + 1}/{ROUNDS} {tool.name}: {what}: {step}: {time.wall:.2f} s", flush=True)
    shutil.rmtree(source)
    rows = []
    for step in STEPS:
        rows += _compare(f"{what}: {step}", {tool.name: times[tool.name, step] for tool in tools})
    return rows


def _steps(tool: Tool, source: Path, pulled: Path) -> list[Times]:
    """All four, with a store of their own."""
    environment = _environment()
    with garage.serve() as server:
        server.create_bucket(BUCKET)
        pulled.mkdir()
        steps = [("push", source), ("push", source), ("pull", pulled), ("pull", pulled)]
        times = []
        for direction, folder in steps:
            os.sync()
            command = tool.command(server, direction, folder)
            times.append(process.run(command, environment, then_sync=direction == "pull"))
        _check(source, pulled)
    shutil.rmtree(pulled)
    return times


def _compare(what: str, times: dict[str, list[Times]]) -> list[Row]:
    """Ours against the rival with the shorter wall time, and for what is transferred, the CPU time of the two."""
    walls = {name: [time.wall for time in of] for name, of in times.items()}
    ours = walls.pop("ours")
    rival = min(walls, key=lambda name: statistics.median(walls[name]))
    rows = [Row(f"{what}: wall", "s", ours, rival, walls[rival], "ratio > 1")]
    if not what.endswith("nothing to do"):
        cpu = {name: [time.cpu for time in times[name]] for name in ("ours", rival)}
        rows.append(Row(f"{what}: CPU", "s", cpu["ours"], rival, cpu[rival]))
    return rows


def _tools() -> list[Tool]:
    program = build.program("-p", "mirror", "--example", "mirror")
    version = packages.unpack(("rclone",), RCLONE)["rclone"].split("+")[0]
    rclone = [RCLONE / "usr/bin/rclone", "sync", *RCLONE_SETTINGS]
    rules = ["--overwrite", "--remove"]

    def ours(server: Garage, direction: str, folder: Path) -> list:
        return [program, direction, *rules, server.url(), garage.ACCESS_KEY, garage.SECRET_KEY, BUCKET, folder]

    def by_rclone(server: Garage, direction: str, folder: Path) -> list:
        store = f":s3,provider=Other,env_auth,region={garage.REGION},endpoint='{server.url()}':{BUCKET}"
        return [*rclone, *_ordered(direction, str(folder), store)]

    def by_s5cmd(server: Garage, direction: str, folder: Path) -> list:
        places = _ordered(direction, f"{folder}/", f"s3://{BUCKET}/")
        # With `*`, what is in the bucket gets into the folder, not the bucket itself.
        places[0] += "*" if direction == "pull" else ""
        return [S5CMD, "--log=error", "--endpoint-url", server.url(), "sync", "--delete", *places]

    return [Tool("ours", ours), Tool(f"rclone {version}", by_rclone), Tool("s5cmd 2.3.0", by_s5cmd)]


def _ordered(direction: str, folder: str, store: str) -> list[str]:
    return [folder, store] if direction == "push" else [store, folder]


def _environment() -> dict[str, str]:
    """The keys, and none of this computer's own settings."""
    return {
        "AWS_ACCESS_KEY_ID": garage.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": garage.SECRET_KEY, "AWS_REGION": garage.REGION,
        "RCLONE_CONFIG": "/dev/null",
    }  # fmt: skip


def _small_files(folder: Path) -> None:
    content = random.Random(1)
    for number in range(5000):
        path = folder / f"{number // 100:02}" / f"{number:04}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.randbytes(10_000))


def _large_file(folder: Path) -> None:
    folder.mkdir()
    content = random.Random(1)
    with (folder / "file").open("wb") as file:
        for _ in range(1000):
            file.write(content.randbytes(1_000_000))


def _check(source: Path, pulled: Path) -> None:
    """Both folders hold the same files."""
    names = sorted(path.relative_to(source) for path in source.rglob("*"))
    if names != sorted(path.relative_to(pulled) for path in pulled.rglob("*")):
        raise RuntimeError(f"{pulled} does not have the same files as {source}")
    for name in names:
        if (source / name).is_file() and not filecmp.cmp(source / name, pulled / name, shallow=False):
            raise RuntimeError(f"{pulled / name} is not what was pushed")
