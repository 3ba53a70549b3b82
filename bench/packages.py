"""Debian packages, unpacked into a folder instead of installed: what is measured does not depend on what this machine has."""

import json
import shutil
import subprocess
from pathlib import Path


def unpack(names: tuple[str, ...], folder: Path) -> dict[str, str]:
    """Unpacks the packages (without their dependencies) into `folder`, once, and returns their versions."""
    record = folder / ".versions.json"
    if record.exists():
        versions = json.loads(record.read_text())
        if versions.keys() == set(names):
            return versions
    shutil.rmtree(folder, ignore_errors=True)
    archives = folder.with_name(folder.name + ".debs")
    shutil.rmtree(archives, ignore_errors=True)
    archives.mkdir(parents=True)
    folder.mkdir()
    # apt's own user cannot write here.
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *names]
    subprocess.run(download, cwd=archives, check=True)
    versions = {}
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
        name, version = _show(archive)
        versions[name] = version
    shutil.rmtree(archives)
    record.write_text(json.dumps(versions, indent=1))
    return versions


def _show(archive: Path) -> list[str]:
    query: list[str | Path] = ["dpkg-deb", "--show", "--showformat=${Package} ${Version}", archive]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout.split()
