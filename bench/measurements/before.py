"""From /init to the first line of a container, against an older initramfs.

Both boots as in the sections above, cold and warm (`--pull=missing`), of this initramfs and of an older one in turns: whether what was built since then
costs time. `make bench ONLY=before BEFORE=FILE` names the older one.
"""

import os
from pathlib import Path

from bench import machine
from bench.measurements.boot import MEGABYTES, times
from bench.measurements.warm import filled_cache
from bench.paths import INITRAMFS, MODULES
from bench.results import Row

ROUNDS = 7


def measure() -> list[Row]:
    contenders = {"ours": INITRAMFS, "before": Path(os.environ["BEFORE"])}
    cold: dict[str, list[float]] = {name: [] for name in contenders}
    warm: dict[str, list[float]] = {name: [] for name in contenders}
    with filled_cache() as (cache, run):
        for number in range(ROUNDS):
            for name, initramfs in contenders.items():
                init, line = times(name, machine.boot(initramfs, MODULES, run % "always", MEGABYTES))
                cold[name].append(line - init)
                init, line = times(name, machine.boot(initramfs, MODULES, run % "missing", MEGABYTES, cache))
                warm[name].append(line - init)
                print(f"  {number + 1}/{ROUNDS} {name}: {cold[name][-1]:.2f} s, {warm[name][-1]:.2f} s", flush=True)
    return [
        Row("/init → first line, cold, since then", "s", cold["ours"], "an older one", cold["before"], "ratio ≥ 1"),
        Row("/init → first line, warm, since then", "s", warm["ours"], "an older one", warm["before"], "ratio ≥ 1"),
    ]
