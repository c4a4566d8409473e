"""A client without a key finds the issuer (RFC 9728), and gets a token for this address."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.auth.mint import make_token
from tests.clients.mcp.issuer import PERSON, Issued, issuing
from tests.clients.mcp.serving import (
    NODE_DRIVERS,
    PYTHON,
    PYTHON_DRIVERS,
    Agents,
    environment_of,
    serve,
)
from tests.end_to_end.examples import node
from tests.support.processes import free_ports, run_to_end
from tests.support.stores import Store

PROGRAMS = {
    "sdk": [node(), "--no-warnings", str(NODE_DRIVERS / "sign_in.mjs")],
    "mcp": [PYTHON, "-W", "error", str(PYTHON_DRIVERS / "sign_in.py")],
}


@contextmanager
def serving(store: Store, directory: Path, issued: Issued, *, second: bool) -> Iterator[Agents]:
    """With `second` there is the issuer's entry with the audience of the address."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    entry = {"issuer": issued.url, "audience": "presign", "jwks_url": f"{issued.url}/keys"}
    issuers = {"acme": entry}
    grant = {"bucket": "objects", "prefix": "team/", "allow": ["list", "download"]}
    callers: list[dict[str, Any]] = [{"issuer": "acme", "subject": PERSON, "grants": [grant]}]
    if second:
        issuers["agents"] = {**entry, "audience": f"{url}/mcp"}
        callers.append({"issuer": "agents", "subject": PERSON, "grants": [grant]})
    with serve(store, directory, callers, port=port, issuers=issuers) as running:
        yield running


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_person_signs_in_at_the_issuer(ministack: Store, tmp_path: Path, program: str) -> None:
    with issuing() as issued, serving(ministack, tmp_path, issued, second=True) as agents:
        url = f"{agents.url}/mcp"
        done = run_to_end([*PROGRAMS[program], url], env=environment_of("no key"))
        assert done.returncode == 0, done.stderr
        access = json.loads(done.stdout)
        assert (access["subject"], access["issuer"]) == (PERSON, "agents")
        assert issued.resources == [url]
        # A token of the first audience works beside it, and one with both is refused.
        statuses = [
            httpx.post(
                url,
                json={"jsonrpc": "2.0", "id": 1, "method": "ping"},
                headers={
                    "Authorization": f"Bearer {make_token(iss=issued.url, sub=PERSON, aud=audience)}"
                },
                trust_env=False,
                timeout=60,
            ).status_code
            for audience in ("presign", ["presign", url], [url], "elsewhere")
        ]
    assert statuses == [200, 401, 200, 401]


def test_a_token_for_the_address_needs_the_second_entry(ministack: Store, tmp_path: Path) -> None:
    with issuing() as issued, serving(ministack, tmp_path, issued, second=False) as agents:
        url = f"{agents.url}/mcp"
        done = run_to_end([*PROGRAMS["sdk"], url], env=environment_of("no key"))
    assert done.returncode != 0
    assert issued.resources == [url]
