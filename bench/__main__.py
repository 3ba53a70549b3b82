"""`python3 -m bench [MEASUREMENT...]`: measures, prints the table and writes docs/performance.md."""

import os
import sys
import time

from bench import report, results
from bench.measurements import ALL
from bench.paths import CACHE, INITRAMFS


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"bench: {unknown[0]}: no such measurement; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    if not INITRAMFS.exists():
        print(f"bench: {INITRAMFS} is not there; `make dist` makes it", file=sys.stderr)
        return 2
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in names or (name for name in ALL if name != "before" or "BEFORE" in os.environ):
        print(f"bench: {name}", flush=True)
        start = time.monotonic()
        rows = ALL[name].measure()
        results.record(name, rows)
        print(report.table(rows) + f"({time.monotonic() - start:.0f} s)\n", flush=True)
    report.write(ALL)
    print(f"bench: wrote {report.FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
