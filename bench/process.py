"""Times a program."""

import os
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Times:
    """Seconds."""

    wall: float
    cpu: float  # user and system, with all children that were waited for


def run(command: list, environment: dict[str, str], then_sync: bool = False) -> Times:
    """Runs a program that must succeed; `then_sync` counts sync(2) as part of it. Its standard output is dropped."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if then_sync:
        os.sync()
    wall = time.monotonic() - start
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Times(wall, usage.ru_utime + usage.ru_stime)
