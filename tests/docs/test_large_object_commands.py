"""docs/large-objects.md: its upload, command by command, against the demo."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.docs.documents import Block, commands, differences, run
from tests.support.demo import Demo, demo

pytestmark = pytest.mark.slow

PAGE: Final = "docs/large-objects.md"
MARK: Final = "run by tests/docs/test_large_object_commands.py"
SIZE: Final = 20_000_000
PART_SIZE: Final = 8_388_608
# Only in a versioned bucket, which this is not.
OF_MOTO: Final = "/version_id is answered, and not shown"


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    with demo() as started:
        yield started


class Reader:
    """A reader who runs the page's commands, with the shell variables that they use."""

    def __init__(self, running: Demo, directory: Path) -> None:
        self.running, self.directory = running, directory
        self.blocks = [block for block in commands(PAGE) if block.mark == MARK]
        self.variables: dict[str, str] = {}

    def block(self, words: str) -> Block:
        [found] = [each for each in self.blocks if words in each.text]
        self.blocks.remove(found)
        return found

    def read(self, words: str) -> Any:
        """Run the command that contains this text, check the shape of its answer, and return it."""
        block = self.block(words)
        answer = json.loads(run(block, self.running, self.directory, self.variables))
        assert set(differences(block.shown, answer)) <= {OF_MOTO}
        for name in answer.keys() & {"part_size", "part_count", "content_length"}:
            assert answer[name] == block.shown[name]
        return answer

    def do(self, words: str) -> str:
        return run(self.block(words), self.running, self.directory, self.variables)

    def begin(self) -> Any:
        created = self.read("/v1/multipart-uploads -H")
        self.variables |= {"upload_id": created["upload_id"], "url": created["parts"][0]["url"]}
        return created


def test_the_commands_on_the_page_upload_the_object(running: Demo, tmp_path: Path) -> None:
    (tmp_path / "part-1").write_bytes(bytes(PART_SIZE))
    reader = Reader(running, tmp_path)
    assert reader.begin()["part_size"] == PART_SIZE
    assert "etag" in reader.do("-T part-1").lower()
    window = json.loads(reader.do("/part-urls"))
    assert [part["content_length"] for part in window["parts"]] == [PART_SIZE, SIZE - 2 * PART_SIZE]
    there = reader.block('/parts"')
    listed = json.loads(run(there, running, tmp_path, reader.variables))
    assert listed == there.shown
    for part in window["parts"]:
        body = bytes(part["content_length"])
        httpx.put(part["url"], headers=part["headers"], content=body, timeout=60).raise_for_status()
    done = reader.read("/complete")
    assert done["content_length"] == SIZE
    assert reader.read("/v1/object-checks")["etag"] == done["etag"]
    assert [each.line for each in reader.blocks if "-X DELETE" not in each.text] == []


def test_an_aborted_upload_is_gone(running: Demo, tmp_path: Path) -> None:
    reader = Reader(running, tmp_path)
    ask = {"bucket": "demo", "key": "videos/keynote.mp4", "content_length": SIZE}
    with httpx.Client(
        base_url=running.url, headers={"authorization": "Bearer demo"}, timeout=60
    ) as service:
        created = service.post("/v1/multipart-uploads", json=ask | {"overwrite": True}).json()
        reader.variables["upload_id"] = created["upload_id"]
        assert reader.do("-X DELETE") == ""
        path = f"/v1/multipart-uploads/{created['upload_id']}/parts"
        where = "bucket=demo&key=videos/keynote.mp4"
        assert service.get(f"{path}?{where}").status_code == 404
