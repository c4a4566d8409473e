"""transformers, tokenizers, safetensors and datasets read what the test has made."""

import json
from pathlib import Path

import pytest

from tests.clients.hugging_face.hub import Hub, Program
from tests.clients.hugging_face.made import LINES, make


@pytest.fixture(scope="module")
def made(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return make(hub, tmp_path_factory.mktemp("made"))


@pytest.fixture(name="program")
def _program(made: Hub, tmp_path: Path) -> Program:
    made.recorded.requests.clear()
    return Program(hub=made, version="2", directory=tmp_path)


def test_transformers_and_tokenizers_read_a_model(program: Program) -> None:
    found = program.python(
        """
import json
from huggingface_hub import hf_hub_download
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoTokenizer

config, tokenizer = (each.from_pretrained("acme/tiny") for each in (AutoConfig, AutoTokenizer))
weights = load_file(hf_hub_download("acme/tiny", "model.safetensors"))
print(json.dumps([
    config.hidden_size,
    tokenizer("hello world what").input_ids,
    Tokenizer.from_pretrained("acme/tiny").encode("world hello").ids,
    weights["weight"].tolist(),
]))
"""
    )
    assert found == [8, [2, 3, 0], [3, 2], [float(each) for each in range(8)]]
    assert all("authorization" not in each.headers for each in program.hub.recorded.requests)


def test_datasets_loads_parquet_and_json_lines(program: Program) -> None:
    """All is read: PyArrow can abort at the end of a program that left a stream half read.

    See https://github.com/huggingface/datasets/issues/7566.
    """
    found = program.python(
        """
import json
from datasets import load_dataset

squad = load_dataset("acme/squad", split="train")
lines = load_dataset("acme/lines", revision="v1")
streamed = load_dataset("acme/squad", split="train", streaming=True)
print(json.dumps([squad.to_list(), {name: len(each) for name, each in lines.items()},
                  lines["test"][0], list(streamed)[0]]))
"""
    )
    rows = [{"question": "why?", "score": 1}, {"question": "who?", "score": 2}]
    assert found == [rows, {"train": 2, "test": 1}, json.loads(LINES.splitlines()[0]), rows[0]]
    assert all("authorization" not in each.headers for each in program.hub.recorded.requests)
