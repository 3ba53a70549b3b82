"""From /init to the first line of a container, with the image in the cache.

As the cold boot above, but with a cache drive that holds the image. With `--pull=missing` nobody is asked for it; with
`--pull=always`, the default, the registry is asked once whether it is still the same. The rival is an init that prints
the line and does nothing else: what the kernel and the console take by themselves.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import busybox, machine, printer, registry
from bench.measurements.boot import FIRST_LINE, MEGABYTES, times
from bench.paths import CACHE, INITRAMFS, MODULES
from bench.results import Row

ROUNDS = 5
DISK_BYTES = 1 << 30


def measure() -> list[Row]:
    nothing = printer.initramfs(FIRST_LINE)
    seconds: dict[str, list[float]] = {"missing": [], "always": [], "printer": []}
    with filled_cache() as (cache, run):
        for number in range(ROUNDS):
            for name, taken in seconds.items():
                if name == "printer":
                    console = machine.boot(nothing, MODULES, "", MEGABYTES, cache)
                else:
                    console = machine.boot(INITRAMFS, MODULES, run % name, MEGABYTES, cache)
                init, line = times(name, console, expected=None if name == "printer" else 0)
                print(f"  {number + 1}/{ROUNDS} {name}: {line - init:.2f} s", flush=True)
                taken.append(line - init)
    rival = "an init that only prints"
    return [
        Row("/init → first line, warm", "s", seconds["missing"], rival, seconds["printer"], "≤ 0.3 s more"),
        Row("the same, the registry asked", "s", seconds["always"], rival, seconds["printer"]),
    ]


@contextlib.contextmanager
def filled_cache() -> Iterator[tuple[Path, str]]:
    """A cache drive that holds the image, and a container line with `%s` for `--pull`; the registry is there, too."""
    with tempfile.NamedTemporaryFile(dir=CACHE) as file, registry.serve() as images:
        file.truncate(DISK_BYTES)
        cache = Path(file.name)
        busybox.ensure(images)
        image = f"docker://{images.address(machine.HOST)}/{busybox.REPOSITORY}"
        run = f"--tls-verify=false --pull=%s {image} echo {FIRST_LINE}"
        times("first", machine.boot(INITRAMFS, MODULES, run % "always", MEGABYTES, cache))
        yield cache, run
