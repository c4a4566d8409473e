"""What the section `hugging_face` says besides its roots, and the host that it must not share."""

from pathlib import Path
from typing import Any

import pytest

from service.protocols.hugging_face import PROTOCOL
from tests.cli.invoking import rights_by_caller
from tests.protocols.sections import BUCKET, ROOT, caller, checked, document


def test_a_repository_is_read_from_its_revisions() -> None:
    callers = (
        caller("one", "a/team/acme/llama/v1/", "list", "download"),
        caller("deeper", "a/team/acme/llama/v1/onnx/", "list", "download"),
    )
    made = document(*callers, hugging_face={"models": ROOT, "datasets": ROOT})
    assert rights_by_caller(made, PROTOCOL) == {
        "API key one": ["read some models", "read some datasets"],
        "API key deeper": [],
    }


def test_check_says_the_address_of_the_service(tmp_path: Path) -> None:
    server = {"public_url": "https://presign.acme.com"}
    _, output = checked(tmp_path, server=server, hugging_face={"models": ROOT})
    assert "hugging_face: HF_ENDPOINT=https://presign.acme.com/hf has the models in" in output


@pytest.mark.parametrize("port", ["", ":8443"])
def test_check_warns_of_a_store_with_the_same_host_name(tmp_path: Path, port: str) -> None:
    buckets = {"reports": BUCKET | {"endpoint_url": "https://s3.acme.com:9000"}}
    server = {"public_url": f"https://s3.acme.com{port}"}
    code, output = checked(tmp_path, server=server, buckets=buckets, hugging_face={"models": ROOT})
    assert code == 0, output
    said = "hugging_face.models: bucket reports has the host name of server.public_url, s3.acme.com"
    assert said in output


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "hugging_face: give `models`, `datasets` or both"),
        ({"model": ROOT}, "hugging_face.model: unknown setting; did you mean models"),
    ],
)
def test_an_invalid_hub_is_explained(tmp_path: Path, section: dict[str, Any], said: str) -> None:
    code, output = checked(tmp_path, hugging_face=section)
    assert (code, said in output) == (1, True), output
