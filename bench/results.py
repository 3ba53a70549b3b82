"""What was measured, kept in `results.json` so that the document can be written again and the raw figures be looked at."""

import datetime
import json
import os
import platform
import statistics
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.paths import ROOT

FILE = Path(__file__).parent / "results.json"


@dataclass
class Row:
    """One quantity of ours against a rival's, smaller being better. A rival that cannot do it has no figures."""

    what: str
    unit: str
    ours: list[float]  # one figure a round
    rival: str
    theirs: list[float]
    goal: str = ""

    def ratio(self) -> float | None:
        return statistics.median(self.theirs) / statistics.median(self.ours) if self.theirs else None


@dataclass
class Result:
    """One measurement, and where and when it was made."""

    date: str
    commit: str
    machine: str
    rows: list[Row]


def record(name: str, rows: list[Row]) -> None:
    """Replaces the earlier result of that name."""
    results = load()
    results[name] = Result(_date(), _commit(), _machine(), rows)
    text = json.dumps({key: asdict(results[key]) for key in sorted(results)}, indent=1)
    FILE.write_text(text + "\n")


def load() -> dict[str, Result]:
    if not FILE.exists():
        return {}
    known = json.loads(FILE.read_text())
    return {
        name: Result(**(result | {"rows": [Row(**row) for row in result["rows"]]})) for name, result in known.items()
    }


def _date() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _commit() -> str:
    """The last commit that changed what is measured; this measurement's own results do not."""
    ours = ["--", "crates", "Cargo.toml", "Cargo.lock"]
    commit = _git("log", "-1", "--format=%h", *ours)
    return f"{commit} with changes" if _git("status", "--porcelain", *ours) else commit


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def _machine() -> str:
    """Processor, memory, kernel and QEMU."""
    facts = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    processor = next((facts[key].strip() for key in facts if key.strip() == "model name"), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], check=True, capture_output=True, text=True).stdout
    host = f"{os.cpu_count()} × {processor}, {memory:.0f} GB, Linux {platform.release()}"
    return f"{host}, QEMU {qemu.split()[3]} (emulation, no KVM)"
