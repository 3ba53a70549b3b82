"""A real registry (Debian's docker-registry) on loopback, and how images get into it."""

import hashlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.paths import CACHE

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

STORAGE = CACHE / "registry"

CONFIGURATION = """\
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %s}
  cache: {blobdescriptor: inmemory}
http: {addr: "127.0.0.1:%d"}
"""


@dataclass
class Layer:
    """A layer as gzip, and the digest of its tar archive."""

    packed: bytes
    diff_id: str


@dataclass
class Registry:
    port: int

    def address(self, host: str = "127.0.0.1") -> str:
        return f"{host}:{self.port}"

    def has(self, repository: str) -> bool:
        request = self._request("HEAD", f"/v2/{repository}/manifests/latest")
        request.add_header("Accept", MANIFEST)
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def image_id(self, repository: str) -> str:
        """The ID of an image, by which it is found in stores but not pulled: its configuration's digest in hexadecimal."""
        request = self._request("GET", f"/v2/{repository}/manifests/latest")
        request.add_header("Accept", MANIFEST)
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["config"]["digest"].removeprefix("sha256:")

    def push(self, repository: str, layers: list[Layer]) -> None:
        """Stores an image as `repository:latest`."""
        config = _json({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        })  # fmt: skip
        manifest = _json({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": self._push_blob(repository, config, CONFIG),
            "layers": [self._push_blob(repository, layer.packed, GZIP_LAYER) for layer in layers],
        })  # fmt: skip
        request = self._request("PUT", f"/v2/{repository}/manifests/latest", manifest)
        request.add_header("Content-Type", MANIFEST)
        urllib.request.urlopen(request).close()

    def _push_blob(self, repository: str, content: bytes, media_type: str) -> dict:
        digest = sha256(content)
        with urllib.request.urlopen(self._request("POST", f"/v2/{repository}/blobs/uploads/", b"")) as reply:
            location = reply.headers["Location"]
        upload = urllib.request.Request(f"{location}&digest={digest}", content, method="PUT")
        upload.add_header("Content-Type", "application/octet-stream")
        urllib.request.urlopen(upload).close()
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _request(self, method: str, path: str, body: bytes | None = None) -> urllib.request.Request:
        return urllib.request.Request(f"http://{self.address()}{path}", body, method=method)


@contextmanager
def serve() -> Iterator[Registry]:
    """A registry that keeps its images from one run to the next, so that large ones are made once."""
    STORAGE.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = CACHE / "registry.yml"
    configuration.write_text(CONFIGURATION % (STORAGE, port))
    with (CACHE / "registry.log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", configuration], stdout=log, stderr=log)
    try:
        _wait(process, port)
        yield Registry(port)
    finally:
        process.terminate()
        process.wait()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _wait(process: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/").close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("docker-registry does not answer")


def _json(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
