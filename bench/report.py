"""Writes docs/performance.md from the results; each measurement's module doc is the text of its section."""

import inspect
import statistics
from types import ModuleType

from bench import results
from bench.paths import ROOT
from bench.results import Result, Row

FILE = ROOT / "docs" / "performance.md"

INTRODUCTION = """\
# Performance

<!-- Written by `make bench` from bench/results.json; edit bench/report.py and the measurements instead. -->

Ratios count, not seconds: both sides of each are measured in one run on one machine, in turns, and the figure is the
median of the rounds (smallest–largest in brackets). A ratio above 1 is in our favour. `make bench` measures everything
and writes this page; `make bench ONLY=boot` measures one part again and leaves the others.

The **peer** is an initramfs of Debian 12's podman, crun, conmon, busybox and mke2fs, with a small init that does what
the original boot2container does (`bench/peer/`): modules, DHCP, then `podman create`, `podman init` and `podman start
-a`. It is the nearest thing to the original that can be built from packages; it has no S3 client, so the original is
larger.
"""


def write(measurements: dict[str, ModuleType]) -> None:
    known = {name: result for name, result in results.load().items() if name in measurements}
    parts = [INTRODUCTION, table([row for name in measurements if name in known for row in known[name].rows])]
    parts += [_section(name, measurements[name], known[name]) for name in measurements if name in known]
    FILE.write_text("\n".join(parts))


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| | ours | rival | its figure | ratio | goal |", "|---|---|---|---|---|---|"]
    for row in rows:
        ours, theirs = (_figure(samples, row.unit) for samples in (row.ours, row.theirs))
        ratio = row.ratio()
        shown = "" if ratio is None else f"**{ratio:.3g}**"
        lines.append(f"| {row.what} | {ours} | {row.rival} | {theirs} | {shown} | {row.goal} |")
    return "\n".join(lines) + "\n"


def _section(name: str, measurement: ModuleType, result: Result) -> str:
    title, _, text = (inspect.getdoc(measurement) or name).partition("\n")
    rounds = max(len(row.ours) for row in result.rows)
    measured = (
        f"Measured by `make bench ONLY={name}` on {result.date} at commit {result.commit}, {rounds} round(s):\n"
        f"{result.machine}."
    )
    return f"## {title.rstrip('.')}\n{text}\n\n{measured}\n"


def _figure(samples: list[float], unit: str) -> str:
    if not samples:
        return ""
    middle = f"{_digits(statistics.median(samples))} {unit}"
    if len(samples) == 1:
        return middle
    return f"{middle} ({_digits(min(samples))}–{_digits(max(samples))})"


def _digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
