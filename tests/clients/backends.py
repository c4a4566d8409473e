"""The FastAPI backend of docs/guides, started as a guide says, in front of the service."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from service.auth.api_keys import digest_of
from tests.docs.documents import blocks, commands
from tests.support.demo import ROOT
from tests.support.processes import free_ports, run_process
from tests.support.service import API_KEY, run_service
from tests.support.stores import Store


@dataclass(frozen=True, kw_only=True)
class Backend:
    service_url: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def as_here(self, text: str) -> str:
        """Return a block of a guide with our addresses, key and bucket."""
        replaced = {
            "http://127.0.0.1:8000": self.service_url,
            "http://127.0.0.1:8088": self.url,
            "--port 8088": f"--port {self.port}",
            "PRESIGN_TOKEN=demo": f"PRESIGN_TOKEN={API_KEY}",
            "BUCKET=demo": "BUCKET=objects",
        }
        for shown, ours in replaced.items():
            text = text.replace(shown, ours)
        return text


def backend_caller() -> dict[str, Any]:
    """Return the caller that the guide configures, with our key and bucket."""
    page = "docs/guides/python-backend.md"
    [shown] = [block.text for block in blocks(page) if block.language == "yaml"]
    [caller] = YAML(typ="safe", pure=True).load(shown)["callers"]
    grants = [{**grant, "bucket": "objects"} for grant in caller["grants"]]
    return {**caller, "sha256": [digest_of(API_KEY)], "grants": grants}


@contextmanager
def run_backend(store: Store, directory: Path, page: str) -> Iterator[Backend]:
    """Run the block of `page` that starts the backend."""
    [block] = [each for each in commands(page) if "uvicorn" in each.text]
    for name in ("examples", "client"):
        (directory / name).symlink_to(ROOT / name)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    with run_service(store, directory, callers=[backend_caller()]) as service:
        url, [port] = str(service.client.base_url).rstrip("/"), free_ports(1)
        backend = Backend(service_url=url, port=port)
        command = ["/bin/bash", "-euc", backend.as_here(block.text)]
        with run_process(command, directory, f"{backend.url}/openapi.json", PATH=path):
            yield backend
