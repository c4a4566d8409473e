"""The released libraries of Standard Webhooks verify what presign sends to a hook."""

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import pytest

from service.protocols.arrivals.hooks import signed_headers, webhook_body, webhook_id
from tests.clients.toolchains import GENERATORS, NODE_MODULES
from tests.end_to_end.examples import node
from tests.protocols.arrivals.factories import KEY, OTHER_SECRET, SECRET, make_arrival

PYTHON: Final = """
import json, sys
from standardwebhooks.webhooks import Webhook

sent = json.load(sys.stdin)
print(json.dumps(Webhook(sent["secret"]).verify(sent["body"], sent["headers"])))
"""
NODE: Final = """
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const sent = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(new Webhook(sent.secret).verify(sent.body, sent.headers)));
"""
OTHER_KEY: Final = base64.b64decode(OTHER_SECRET.removeprefix("whsec_"))


def command(language: str, directory: Path) -> list[str]:
    if language == "python":
        return [str(GENERATORS / "python"), "-c", PYTHON]
    (directory / "node_modules").symlink_to(NODE_MODULES)
    (directory / "verify.mjs").write_text(NODE)
    return [node(), "verify.mjs"]


def verified(
    language: str, directory: Path, secret: str, body: str, headers: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(language, directory),
        input=json.dumps({"secret": secret, "body": body, "headers": headers}),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("language", ["python", "node"])
@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_a_released_library_verifies_each_secret(
    tmp_path: Path, language: str, secret: str
) -> None:
    event = make_arrival(key="in/%C3%A4+b")
    body = webhook_body(event)
    keys = [KEY, OTHER_KEY]  # as during a rotation
    headers = signed_headers(keys, webhook_id(event), body, now=int(time.time()))
    done = verified(language, tmp_path, secret, body.decode(), headers)
    assert done.returncode == 0, done.stderr
    found: Any = json.loads(done.stdout)
    assert found == json.loads(body)


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_released_library_refuses_a_changed_body(tmp_path: Path, language: str) -> None:
    event = make_arrival()
    body = webhook_body(event)
    headers = signed_headers([KEY], webhook_id(event), body, now=int(time.time()))
    changed = body.decode().replace("in/a.txt", "in/b.txt")
    done = verified(language, tmp_path, SECRET, changed, headers)
    assert done.returncode != 0
    assert "WebhookVerificationError" in done.stderr
