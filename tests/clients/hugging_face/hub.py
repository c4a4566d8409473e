"""presign with a hub, and the Hub's clients of two versions, in front of a store."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tests.clients.page import ROOT
from tests.clients.recording import Recording, recording
from tests.clients.running import BASH, printed
from tests.docs.documents import block_of
from tests.support.service import API_KEY, make_caller, run_service
from tests.support.stores import Store

PAGE: Final = "docs/hugging-face.md"
PRESIGN: Final = "https://presign.example.com"  # on the page
VERSIONS: Final = ("1", "2")
BINS: Final = {
    version: Path(os.environ.get(variable, ROOT / name / "bin"))
    for version, variable, name in (
        ("1", "TESTS_HUB1", ".venv-hub1"),
        ("2", "TESTS_HUB", ".venv-hub"),
    )
}
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
PUBLISHER: Final = "the-key-of-the-publisher"
SECTION: Final = {
    kind: {"bucket": "objects", "prefix": f"{kind}/"} for kind in ("models", "datasets")
}
LLAMA: Final = "models/acme/llama/main/"
MIB: Final = 1024**2
FILES: Final[Mapping[str, bytes]] = {
    "config.json": b'{"model_type": "llama"}',
    "empty.txt": b"",
    "a b \u00e9.txt": "\u00e9".encode(),
    "onnx/model.onnx": b"onnx",
    "onnx/q4/model.onnx": b"q4",
    "weights.safetensors": bytes(range(256)) * 4096,
    "parts.bin": b"p" * (5 * MIB + 1),
}


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The service at `url`. `recorded` is what clients send to the store."""

    url: str
    store: Store
    recorded: Recording

    def has(self, key: str, body: bytes) -> None:
        self.store.put(key, body)

    def gets(self) -> list[str]:
        """Return the last part of the path of each GET so far, and forget them."""
        found = [each for each in self.recorded.requests if each.method == "GET"]
        self.recorded.requests.clear()
        return sorted(each.path.partition("?")[0].rpartition("/")[2] for each in found)


@dataclass(frozen=True, kw_only=True)
class Program:
    """A directory to run programs in, with a client of the Hub of this version."""

    hub: Hub
    version: str
    directory: Path

    def python(self, text: str, **environment: str) -> Any:
        """Run Python, and return what the JSON in its last line means."""
        done = self.run([str(self.bin / "python"), "-W", "error", "-c", text], environment)
        return json.loads(done.splitlines()[-1])

    def page(self, contains: str, **environment: str) -> str:
        """Run the block of the page that contains this text."""
        block = block_of(PAGE, contains)
        text = block.text.replace(PRESIGN, self.hub.url).replace(" reports/", " objects/")
        if block.language == "python":
            return self.run([str(self.bin / "python"), "-c", text], environment)
        return self.run([*BASH, text], environment)

    def run(
        self,
        command: list[str],
        environment: Mapping[str, str] = NOTHING,
        *,
        fails: bool = False,
    ) -> str:
        """Return what a command prints, and that the token is not in it."""
        environment = self.environment() | dict(environment)
        return printed(command, self.directory, environment, secret=API_KEY, fails=fails)

    @property
    def bin(self) -> Path:
        return BINS[self.version]

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(self.bin), str(Path(sys.executable).parent), os.defpath]),
            "HOME": str(self.directory),
            "HF_ENDPOINT": f"{self.hub.url}/hf",
            "HF_HOME": str(self.directory / "hf"),
            "HF_TOKEN": API_KEY,
            "PRESIGN_URL": self.hub.url,
            "PRESIGN_TOKEN": API_KEY,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            # By itself it asks again after ten seconds: a test holds it, and a machine may be busy.
            "HF_HUB_DOWNLOAD_TIMEOUT": "120",
            "HF_HUB_ETAG_TIMEOUT": "120",
        }


@contextmanager
def serve(store: Store, directory: Path) -> Iterator[Hub]:
    """The caller reads the repositories of `acme`. There are those of `other`, too."""
    for bin_ in BINS.values():
        assert (bin_ / "hf").exists(), "the Hub's clients are missing: `make clients` installs them"
    allow = ["list", "download"]
    caller = make_caller("reader", API_KEY, "models/acme/", "datasets/acme/", allow=allow)
    caller["grants"] = [{**grant, "allow_overwrite": False} for grant in caller["grants"]]
    put_files(store)
    with (
        recording(store.endpoint_url) as recorded,
        run_service(
            store,
            directory,
            callers=[caller, make_caller("publisher", PUBLISHER, "models/acme/")],
            top={"hugging_face": SECTION},
            public_endpoint_url=recorded.url,
        ) as service,
    ):
        url = str(service.client.base_url).rstrip("/")
        yield Hub(url=url, store=store, recorded=recorded)


def put_files(store: Store) -> None:
    """SeaweedFS 4.48 lets a request wait that follows an empty PUT on its connection."""
    for name, body in FILES.items():
        if name != "parts.bin":
            store.put(f"{LLAMA}{name}", body)
        if not body:
            store.admin_client().close()
    put_in_parts(store, f"{LLAMA}parts.bin", FILES["parts.bin"])
    store.put("models/acme/llama/v1/config.json", b"1")
    store.put("models/other/secret/main/config.json", b"{}")


def put_in_parts(store: Store, key: str, body: bytes) -> None:
    """Store an object whose ETag is that of a multipart upload."""
    admin, at = store.admin_client(), {"Bucket": store.bucket, "Key": key}
    upload = at | {"UploadId": admin.create_multipart_upload(**at)["UploadId"]}
    parts = [
        {
            "PartNumber": number,
            "ETag": admin.upload_part(**upload, PartNumber=number, Body=part)["ETag"],
        }
        for number, part in enumerate((body[: 5 * MIB], body[5 * MIB :]), 1)
    ]
    admin.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
