"""A tiny model and two datasets, made with the libraries that read them."""

from pathlib import Path
from typing import Final

from tests.clients.hugging_face.hub import Hub, Program

# Without torch, transformers has no models: this makes what a model's folder has.
MAKE: Final = """
import json
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, PreTrainedTokenizerFast

words = {"[UNK]": 0, "[PAD]": 1, "hello": 2, "world": 3}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
fast.save_pretrained("tiny")
BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2).save_pretrained("tiny")
save_file({"weight": np.arange(8, dtype=np.float32)}, "tiny/model.safetensors")
pq.write_table(pa.table({"question": ["why?", "who?"], "score": [1, 2]}), "train.parquet")
print(json.dumps("made"))
"""
LINES: Final = '{"text": "one", "n": 1}\n{"text": "two", "n": 2}\n'


def make(hub: Hub, directory: Path) -> Hub:
    """Store the model `acme/tiny`, and the datasets `acme/squad` and `acme/lines`."""
    assert Program(hub=hub, version="2", directory=directory).python(MAKE) == "made"
    for path in (directory / "tiny").iterdir():
        hub.has(f"models/acme/tiny/main/{path.name}", path.read_bytes())
    parquet = (directory / "train.parquet").read_bytes()
    hub.has("datasets/acme/squad/main/data/train-00000-of-00001.parquet", parquet)
    hub.has("datasets/acme/squad/main/README.md", b"---\nlicense: mit\n---\n")
    hub.has("datasets/acme/lines/v1/train.jsonl", LINES.encode())
    hub.has("datasets/acme/lines/v1/test.jsonl", LINES.splitlines()[0].encode())
    return hub
