"""The service in front of a store that verifies signatures, which a proxy records."""

import io
import os
import subprocess
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import httpx

from service.auth.api_keys import digest_of
from tests.clients.http.program import PYTHON
from tests.clients.recording import Recording, SentRequest, recording
from tests.support.factories import OPERATIONS
from tests.support.processes import run_to_end
from tests.support.scrapes import read, value
from tests.support.service import run_service
from tests.support.stores import Store

KEY: Final = "demo"  # the API key, and the bucket's name, as docs/object-urls.md has them
BUCKET: Final = "demo"
SECONDS: Final = 300
PAGED: Final = "paged"  # another key, whose listings have two names a page
_INSTALL: Final = """
import duckdb, duckdb_extension_httpfs, pathlib
[file] = pathlib.Path(duckdb_extension_httpfs.__file__).parent.rglob("*.duckdb_extension")
duckdb.connect().install_extension(str(file))
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    store: Store
    recording: Recording
    url: str

    def address(self, key: str) -> str:
        return f"{self.url}/o/{BUCKET}/{quote(key, safe='/+')}"

    def discarded(self) -> float:
        """Return how many bytes of bodies the service has dropped."""
        scraped = read(httpx.get(f"{self.url}/metrics", trust_env=False, timeout=60).text)
        return value(scraped, "discarded_body_bytes_total")

    def sent_by(
        self, command: list[str], home: Path, **more: str
    ) -> tuple[subprocess.CompletedProcess[str], list[SentRequest]]:
        """Run a client, and return its end and what it sent to the store."""
        before = len(self.recording.requests)
        own = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment(home), **more}
        done = run_to_end(command, seconds=SECONDS, cwd=home, env=own)
        return done, self.recording.requests[before:]


def environment(home: Path) -> dict[str, str]:
    quiet = {"RCLONE_CONFIG": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return {"HOME": str(home), "PRESIGN_TOKEN": KEY, **quiet}


@contextmanager
def place_of(
    store: Store, directory: Path, *, public_url: str | None = None, **top: object
) -> Iterator[Place]:
    """`public_url` is where clients find the recording proxy, if something is in front of it."""
    grant = {"bucket": BUCKET, "prefix": "", "allow": OPERATIONS, "allow_overwrite": True}
    callers = [
        {"api_key": "tests", "sha256": [digest_of(KEY)], "grants": [grant]},
        {"api_key": PAGED, "sha256": [digest_of(PAGED)], "grants": [{**grant, "max_keys": 2}]},
    ]
    with recording(store.endpoint_url) as sent:
        bucket = {
            "bucket": store.bucket,
            "region": store.region,
            "role_arn": store.role_arn,
            "endpoint_url": store.endpoint_url,
            "sts_endpoint_url": store.sts_endpoint_url,
            "public_endpoint_url": public_url or sent.url,
        }
        settings = {"buckets": {BUCKET: bucket}, **top}
        with run_service(store, directory, callers=callers, top=settings) as running:
            url = str(running.client.base_url).rstrip("/")
            yield Place(store=store, recording=sent, url=url)


def new_folder() -> str:
    """A prefix that no other test has. It is not at the root: the console's tests read that list by pages."""
    return f"urls/{uuid.uuid4().hex}/"


def write_netrc(home: Path, url: str) -> Path:
    netrc = home / ".netrc"
    netrc.touch(mode=0o600)
    netrc.write_text(f"machine {urlsplit(url).hostname} login x password {KEY}\n")
    return netrc


def keyed(url: str, key: str = KEY) -> str:
    return url.replace("//", f"//x:{key}@", 1)


def install_httpfs(home: Path) -> None:
    """Put DuckDB's extension where DuckDB looks for it, as `INSTALL httpfs` does."""
    subprocess.run([PYTHON, "-c", _INSTALL], env={"HOME": str(home)}, check=True)


def make_wheel() -> bytes:
    """Return the smallest wheel that installers accept."""
    written, info = io.BytesIO(), "tinypkg-1.0.dist-info"
    files = {
        "tinypkg.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinypkg\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(written, "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(name, text)
    return written.getvalue()
