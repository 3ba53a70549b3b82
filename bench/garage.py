"""A real S3 server (Garage, which tools/setup builds) on loopback."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.paths import CACHE

VERSION = "2.5.0"
ACCESS_KEY = "GK0123456789abcdef01234567"
SECRET_KEY = "0123456789abcdef" * 4
REGION = "us-east-1"
ADMIN_TOKEN = "admin-token-of-the-benchmark"

# As tests/harness/src/s3/garage.rs has it: one node, nothing flushed.
CONFIGURATION = """\
metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "sqlite"
metadata_fsync = false
data_fsync = false
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secret}"
[s3_api]
s3_region = "{region}"
api_bind_addr = "127.0.0.1:{api}"
[admin]
api_bind_addr = "127.0.0.1:{admin}"
admin_token = "{token}"
"""


@dataclass
class Garage:
    port: int
    admin_port: int

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def create_bucket(self, name: str) -> None:
        bucket = self.admin("CreateBucket", {"globalAlias": name})["id"]
        permissions = {"read": True, "write": True, "owner": True}
        self.admin("AllowBucketKey", {"bucketId": bucket, "accessKeyId": ACCESS_KEY, "permissions": permissions})

    def admin(self, call: str, body: dict | None = None) -> dict:
        """Garage's "Administration API v2"."""
        content = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.admin_port}/v2/{call}"
        request = urllib.request.Request(url, content, {"Authorization": f"Bearer {ADMIN_TOKEN}"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)


@contextmanager
def serve() -> Iterator[Garage]:
    """A server with an empty store on the disk, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="garage-", dir=CACHE))
    server = Garage(_free_port(), _free_port())
    values = {"folder": folder, "rpc": _free_port(), "api": server.port, "admin": server.admin_port}
    values |= {"secret": "00" * 32, "region": REGION, "token": ADMIN_TOKEN}
    configuration = folder / "garage.toml"
    configuration.write_text(CONFIGURATION.format(**values))
    environment = os.environ | {
        "GARAGE_DEFAULT_ACCESS_KEY": ACCESS_KEY, "GARAGE_DEFAULT_SECRET_KEY": SECRET_KEY, "RUST_LOG": "garage=warn",
    }  # fmt: skip
    command = [_program(), f"--config={configuration}", "server", "--single-node", "--default-access-key"]
    with (CACHE / "garage.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait(process, server)
        yield server
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _program() -> Path:
    """Where tools/setup puts it."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "boot2container", f"garage-{VERSION}", "bin", "garage")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _wait(process: subprocess.Popen, server: Garage) -> None:
    """The port is open before the key is there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.admin(f"GetKeyInfo?id={ACCESS_KEY}")
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"garage does not answer; see {CACHE / 'garage.log'}")
