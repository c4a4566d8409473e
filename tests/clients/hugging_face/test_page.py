"""The commands of docs/hugging-face.md, with the clients of both versions."""

from pathlib import Path

import pytest

from tests.clients.hugging_face.hub import PUBLISHER, Hub, Program
from tests.clients.hugging_face.made import make
from tests.clients.running import behind_nginx

PART: frozenset[str] = frozenset({"config.json", "onnx/model.onnx", "onnx/q4/model.onnx"})


@pytest.fixture(scope="module")
def made(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return make(hub, tmp_path_factory.mktemp("made"))


def test_hf_downloads_and_presign_uploads(program: Program) -> None:
    program.page("hf download")
    llama, hub = program.directory / "llama", program.hub
    found = {str(each.relative_to(llama)) for each in llama.rglob("*") if each.is_file()}
    assert {name for name in found if not name.startswith(".cache/")} == PART
    program.page("presign put", PRESIGN_TOKEN=PUBLISHER)
    assert hub.store.content("models/acme/llama/v2/onnx/q4/model.onnx") == b"q4"
    for name in found:  # also those of `.cache`, which `hf` has written
        hub.store.admin_client().delete_object(
            Bucket=hub.store.bucket, Key=f"models/acme/llama/v2/{name}"
        )


def test_nginx_passes_encoded_revisions_on(program: Program, tmp_path: Path) -> None:
    with behind_nginx(program.hub.url, tmp_path) as url:
        found = program.python(
            """
import json
from huggingface_hub import HfApi, snapshot_download
print(json.dumps([snapshot_download("acme/llama", revision="v1"),
                  HfApi().revision_exists("acme/llama", "refs/pr/1")]))
""",
            HF_ENDPOINT=f"{url}/hf",
        )
    assert (Path(found[0]) / "config.json").read_bytes() == b"1"
    assert found[1] is False


def test_huggingface_hub_downloads_lists_and_reads(program: Program) -> None:
    [snapshot, config, names, weights] = program.page("import HfApi").splitlines()[-4:]
    assert (Path(snapshot) / "onnx" / "model.onnx").read_bytes() == b"onnx"
    assert Path(config).read_bytes() == b"1"
    assert "'weights.safetensors'" in names
    assert weights == str(bytes(range(8)))


def test_transformers_and_datasets_read(made: Hub, tmp_path: Path) -> None:
    program = Program(hub=made, version="2", directory=tmp_path)
    lines = program.page("from datasets import").splitlines()
    assert "8 [2, 3]" in lines
    assert lines[-1] == "{'question': 'why?', 'score': 1}"
