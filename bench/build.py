"""Our own programs, built for this machine as they are for the initramfs: release profile, statically linked."""

import json
import os
import subprocess
from pathlib import Path

from bench.paths import ROOT


def program(*target: str) -> Path:
    """Builds one program, for instance `program("-p", "container", "--bin", "b2c-container")`."""
    flags = f"{os.environ.get('RUSTFLAGS', '')} -C target-feature=+crt-static"
    # With a target, the flags are not given to build scripts and procedural macros, which cannot be static.
    command = ["cargo", "build", "--locked", "--release", "--target", _host(), *target]
    command += ["--message-format", "json-render-diagnostics"]
    environment = os.environ | {"RUSTFLAGS": flags}
    built = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    messages = map(json.loads, built.stdout.splitlines())
    return Path(next(message["executable"] for message in messages if message.get("executable")))


def _host() -> str:
    version = subprocess.run(["rustc", "-vV"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
