"""transformers loads the weights of a model with torch, in shards as `save_pretrained` made them."""

import json
from pathlib import Path
from typing import Final

from tests.clients.hugging_face.hub import BINS, PUBLISHER, Hub, Program
from tests.clients.toolchains import missing

# Debian's torch is for CPUs. That of the package index brings 3 GB of CUDA.
PACKAGES: Final = Path("/usr/lib/python3/dist-packages")
# torch leaves a temporary directory to the end of the process.
STRICT: Final = ("-W", "error", "-W", "ignore:Implicitly cleaning up:ResourceWarning")
LOADS: Final = """
import json, os, subprocess, sys
sys.path.append(os.environ["TORCH"])  # behind the packages of this environment
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

words = {"[UNK]": 0, "[PAD]": 1, "hello": 2, "world": 3}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
sizes = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
made = BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=16, **sizes)).eval()
made.save_pretrained("made", max_shard_size="2KB")
fast.save_pretrained("made")
put = ["presign", "put", "-r", "made", "objects/models/acme/weights/main/"]
subprocess.run(put, env=os.environ | {"PRESIGN_TOKEN": os.environ["PUBLISHER"]}, check=True)

read = AutoModel.from_pretrained("acme/weights")
tokens = AutoTokenizer.from_pretrained("acme/weights")("hello world", return_tensors="pt")
one, other = (each(**tokens).last_hidden_state for each in (made, read))
shards = [each for each in os.listdir("made") if each.endswith(".safetensors")]
print(json.dumps([torch.equal(one, other), sorted(shards)]))
"""


def torch_of_debian() -> Path:
    """Return the directory to import it from, if it is for the Python of the Hub's clients."""
    [python] = BINS["2"].glob("python3.*")
    tag = python.name.replace("python3.", "cpython-3")
    if not [*PACKAGES.glob(f"torch/_C.{tag}-*.so")]:
        missing(f"torch for {python.name} is not here", "python3-torch")
    return PACKAGES


def test_transformers_loads_weights_in_shards(hub: Hub, tmp_path: Path) -> None:
    program = Program(hub=hub, version="2", directory=tmp_path)
    environment = {"TORCH": str(torch_of_debian()), "PUBLISHER": PUBLISHER}
    command = [str(program.bin / "python"), *STRICT, "-c", LOADS]
    hub.recorded.requests.clear()
    is_same, shards = json.loads(program.run(command, environment).splitlines()[-1])
    assert is_same
    assert len(shards) > 1
    sent = [each for each in hub.recorded.requests if each.method == "GET"]
    assert {*shards} <= {each.path.partition("?")[0].rpartition("/")[2] for each in sent}
    assert all("authorization" not in each.headers for each in hub.recorded.requests)
