"""A file that is replaced under `main`: the next snapshot has it, and one that had begun is told."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.protocols.hugging_face.cached_listings import KEPT_SECONDS
from tests.clients.hugging_face.hub import VERSIONS, Hub, Program, serve
from tests.support.stores import Store

BEGUN = """
import json
from huggingface_hub import HfApi, hf_hub_download
sha = HfApi().model_info("acme/changing").sha
hf_hub_download("acme/changing", "a", revision=sha)
print(json.dumps(sha))
"""
GOES_ON = """
import json, os
from huggingface_hub import hf_hub_download
try:
    hf_hub_download("acme/changing", "b", revision=os.environ["SHA"])
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
WHOLE = """
import json
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download("acme/changing")))
"""


@pytest.fixture(scope="module", name="hub")
def _hub(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with serve(ministack, tmp_path_factory.mktemp("changing")) as running:
        yield running


def test_a_change_is_seen_by_the_next_and_told_to_the_begun(hub: Hub, tmp_path: Path) -> None:
    programs = [Program(hub=hub, version=each, directory=tmp_path / each) for each in VERSIONS]
    for name in "ab":
        hub.has(f"models/acme/changing/main/{name}", b"old " + name.encode())
    shas = []
    for program in programs:
        program.directory.mkdir()
        shas.append(program.python(BEGUN))
    hub.has("models/acme/changing/main/a", b"new a")
    time.sleep(KEPT_SECONDS)
    for program, sha in zip(programs, shas, strict=True):
        [error, said] = program.python(GOES_ON, SHA=sha)
        assert error == "RevisionNotFoundError"
        assert "The content of this revision has changed" in said
        path = Path(program.python(WHOLE))
        assert path.name != sha
        assert {each.name: each.read_bytes() for each in path.iterdir()} == {
            "a": b"new a",
            "b": b"old b",
        }
