"""The section `hugging_face`, what `presign check` reports about it, and its reload."""

import json
import logging
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main
from service.protocols.hugging_face import PROTOCOL
from service.protocols.roots import ProtocolRoot
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.cli.invoking import rights_by_caller

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
MODELS: Final = {"bucket": "reports", "prefix": "models/"}
HUB: Final = {"models": MODELS}
ISSUER: Final = {
    "issuer": "https://issuer.example",
    "audience": "presign",
    "jwks_url": "https://issuer.example/keys",
}


def document(*callers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": {"region": "eu-west-1", "role_arn": ROLE}},
        "issuers": {"cluster": ISSUER},
        "callers": list(callers or [caller("ci", "models/", "list", "download")]),
        "hugging_face": HUB,
        **more,
    }


def checked(directory: Path, *callers: dict[str, Any], **more: Any) -> tuple[int, str]:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*callers, **more), indent=1))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def caller(name: str, prefix: str, *allow: str) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": [granted(prefix, *allow)]}


def granted(prefix: str, *allow: str) -> dict[str, Any]:
    return {"bucket": "reports", "prefix": prefix, "allow": allow, "max_expires_in": 900}


def test_check_knows_who_may_read() -> None:
    read = ("list", "download")
    apart = caller("apart", "models/a/", "list")
    apart["grants"].append(granted("models/b/", "download"))
    both = caller("both", "models/", "list")
    both["grants"].append(granted("models/a/", "download"))
    callers = (
        caller("ci", "models/", *read),
        caller("wide", "", *read),
        caller("team", "models/acme/", *read),
        caller("one", "models/acme/llama/v1/", *read),
        caller("deeper", "models/acme/llama/v1/onnx/", *read),
        caller("lists", "models/", "list"),
        caller("others", "modelsx/", *read),
        caller("key", "models/acme/llama/main/config.json", *read),
        apart,
        both,
        {"issuer": "cluster", "subject": "t:*", "grants": [granted("models/{claim:/t}/", *read)]},
    )
    assert rights_by_caller(document(*callers), PROTOCOL) == {
        "API key ci": ["read all models"],
        "API key wide": ["read all models"],
        "API key team": ["read some models"],
        "API key one": ["read some models"],
        "API key deeper": [],
        "API key lists": [],
        "API key others": [],
        "API key key": [],
        "API key apart": [],
        "API key both": ["read some models"],
        "t:* of cluster": ["read some models"],
    }


def test_check_says_where_models_are_and_who_may_read(tmp_path: Path) -> None:
    server = {"public_url": "https://presign.acme.com"}
    code, output = checked(tmp_path, server=server)
    assert code == 0, output
    for line in (
        "hugging_face: HF_ENDPOINT=https://presign.acme.com/hf has the models in reports/models/",
        "API key ci may read all models of the Hugging Face Hub",
    ):
        assert line in output.splitlines()
    assert ": hugging_face" not in output


def test_check_warns_if_nobody_may_read(tmp_path: Path) -> None:
    code, output = checked(tmp_path, caller("ci", "models/", "download"))
    assert code == 0
    assert ": hugging_face.models: nobody may read them" in output


@pytest.mark.parametrize("port", ["", ":8443"])
def test_check_warns_of_a_store_with_the_same_host_name(tmp_path: Path, port: str) -> None:
    bucket = {"region": "eu-west-1", "role_arn": ROLE, "endpoint_url": "https://s3.acme.com:9000"}
    more = {"server": {"public_url": f"https://s3.acme.com{port}"}, "buckets": {"reports": bucket}}
    code, output = checked(tmp_path, **more)
    assert code == 0, output
    said = "hugging_face.models: bucket reports has the host name of server.public_url, s3.acme.com"
    assert said in output


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "hugging_face: give `models`, `datasets` or both"),
        ({"model": MODELS}, "hugging_face.model: unknown setting; did you mean models"),
        (
            {"models": MODELS | {"bucket": "reprots"}},
            'hugging_face.models.bucket: no bucket "reprots" is configured; did you mean',
        ),
        (
            {"datasets": MODELS | {"prefix": "models"}},
            "hugging_face.datasets.prefix: write a prefix without placeholders that ends in /",
        ),
    ],
)
def test_an_invalid_hub_is_explained(tmp_path: Path, section: dict[str, Any], said: str) -> None:
    code, output = checked(tmp_path, hugging_face=section)
    assert (code, said in output) == (1, True), output


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        (None, HUB, ["hugging_face"]),
        (HUB, {"models": MODELS | {"prefix": "new/"}, "datasets": MODELS}, []),
        (HUB, None, []),
    ],
)
async def test_a_hub_changes_at_once_and_the_first_at_the_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    late: list[str],
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    put(path, configuration(hugging_face=before))
    async with watching(path) as service:
        assert await service.changed_to(configuration(hugging_face=after)) == "ok"
        values = service.harness.services.protocols[PROTOCOL].values
    roots = {} if values is None else values.roots.named
    assert roots == {kind: ProtocolRoot(**root) for kind, root in (after or {}).items()}
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]
