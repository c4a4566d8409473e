"""Downloads with huggingface_hub and `hf`: snapshots, files, patterns, and what goes wrong."""

import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.clients.hugging_face.hub import FILES, Program
from tests.clients.recording import Cut
from tests.support.socket_server import wait_until

SNAPSHOT: Final = """
import json
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download("acme/llama", max_workers=1)))
"""
LARGE: Final = b"0123456789abcdef" * (11 * 65_536)
PIECE: Final = 10_000_000  # bytes: clients write no less of a long file
# An empty file is made without a GET.
FETCHED: Final = sorted(quote(name.rpartition("/")[2]) for name, body in FILES.items() if body)


def files_in(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def test_a_snapshot_is_whole_and_a_second_run_sends_no_get(program: Program) -> None:
    path = Path(program.python(SNAPSHOT))
    assert files_in(path) == FILES
    for sent in program.hub.recorded.requests:
        assert sent.method == "GET"
        assert "authorization" not in sent.headers
        assert "X-Amz-Signature" in sent.path
    assert program.hub.gets() == FETCHED
    assert program.python(SNAPSHOT) == str(path)
    assert program.hub.gets() == []


def test_a_revision_is_downloaded_by_name_and_by_sha(program: Program) -> None:
    found = program.python(
        """
import json
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
v1 = hf_hub_download("acme/llama", "config.json", revision="v1")
sha = HfApi().model_info("acme/llama", revision="v1").sha
print(json.dumps([open(v1).read(), v1.endswith(f"/snapshots/{sha}/config.json"),
                  hf_hub_download("acme/llama", "config.json", revision=sha) == v1,
                  snapshot_download("acme/llama", revision="v1")]))
"""
    )
    assert found[:3] == ["1", True, True]
    assert files_in(Path(found[3])) == {"config.json": b"1"}


def test_a_killed_snapshot_keeps_its_whole_files(program: Program) -> None:
    """They begin the file again that was in progress, though 10 MB of it are on the disk."""
    files = {"a.txt": b"a", "large.bin": LARGE, "z.txt": b"z"}
    for name, body in files.items():
        program.hub.has(f"models/acme/killed/main/{name}", body)
    snapshot, cut = SNAPSHOT.replace("llama", "killed"), Cut(after=len(LARGE) - 1)
    program.hub.recorded.cut = cut
    command = [str(program.bin / "python"), "-c", snapshot]
    with subprocess.Popen(
        command,
        cwd=program.directory,
        env=program.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert cut.reached.wait(60)
        wait_until(lambda: piece_size(program.directory) >= PIECE)
        running.kill()
    cut.released.set()
    assert program.hub.gets() == ["a.txt", "large.bin"]
    assert files_in(Path(program.python(snapshot))) == files
    asked = [each.headers.get("range") for each in program.hub.recorded.requests]
    assert (program.hub.gets(), asked) == (["large.bin", "z.txt"], [None, None])
    assert piece_size(program.directory) >= PIECE  # nobody deletes it


def piece_size(directory: Path) -> int:
    """Return how much of a file in progress is on the disk."""
    return max((each.stat().st_size for each in directory.rglob("*.incomplete")), default=0)


def test_a_broken_connection_goes_on_at_its_byte(program: Program) -> None:
    """The client writes pieces of 10 MB. It sends the second GET to the same URL."""
    program.hub.has("models/acme/large/main/large.bin", LARGE)
    cut = program.hub.recorded.cut = Cut(after=len(LARGE) - 1)
    cut.released.set()
    path = program.python(
        """
import json
from huggingface_hub import hf_hub_download
print(json.dumps(hf_hub_download("acme/large", "large.bin")))
"""
    )
    assert Path(path).read_bytes() == LARGE
    first, second = (each.headers.get("range") for each in program.hub.recorded.requests)
    assert first is None
    assert second is not None
    assert PIECE <= int(second.removeprefix("bytes=").rstrip("-")) < len(LARGE)
    assert len({each.path for each in program.hub.recorded.requests}) == 1
