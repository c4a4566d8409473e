"""A file that is replaced under `main`: the next snapshot has it, and one that had begun is told."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from service.protocols.hugging_face.cached_listings import KEPT_SECONDS
from tests.clients.hugging_face.hub import VERSIONS, Hub, Program, serve
from tests.clients.recording import Cut
from tests.support.stores import Store

SNAPSHOT: Final = """
import json
from huggingface_hub import snapshot_download
try:
    print(json.dumps(snapshot_download("acme/changing", max_workers=1)))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
BODY: Final = b"old a"


@pytest.fixture(scope="module", name="hub")
def _hub(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with serve(ministack, tmp_path_factory.mktemp("changing")) as running:
        yield running


def test_a_change_is_seen_by_the_next_and_told_to_the_begun(hub: Hub, tmp_path: Path) -> None:
    """Snapshots of both versions are held in the middle of their first file while `b` changes."""
    programs = [Program(hub=hub, version=each, directory=tmp_path / each) for each in VERSIONS]
    hub.has("models/acme/changing/main/a", BODY)
    hub.has("models/acme/changing/main/b", b"old b")
    with ThreadPoolExecutor() as pool, ExitStack() as releasing:
        begun = []
        for program in programs:
            program.directory.mkdir()
            cut = hub.recorded.cut = Cut(after=len(BODY) - 1)
            releasing.callback(cut.released.set)
            begun.append(pool.submit(program.python, SNAPSHOT))
            assert cut.reached.wait(60)
        hub.has("models/acme/changing/main/b", b"new b")
        time.sleep(KEPT_SECONDS)
        releasing.close()
        for each in begun:
            [error, said] = each.result()
            assert error == "RevisionNotFoundError"
            assert "The content of this revision has changed" in said
    for program in programs:
        path = Path(program.python(SNAPSHOT))
        found = {each.name: each.read_bytes() for each in path.iterdir()}
        assert found == {"a": BODY, "b": b"new b"}
