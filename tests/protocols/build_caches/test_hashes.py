"""What is no hash names nothing, whatever a client or a proxy makes of the path."""

from typing import Final

import pytest

from service.errors import InvalidRequest
from service.protocols.build_caches.addresses import Address, Resource, parse_address
from service.protocols.build_caches.places import Artifact, Cache, Program
from tests.protocols.build_caches.harness import BODY, NX, TURBO, Harness, refused

CACHE: Final = Cache(name="web", bucket="demo", trusted="t/")
NO_HASHES: Final = (
    "",
    "a/b",
    "a/",
    "/a",
    "a.b",
    "a%2fb",
    "%2e%2e%2fa",
    "%61",
    "a%00",
    "a%0a",
    "a+b",
    "a b",
    "a\\b",
    "%c3%a9",
    "a~",
    "x" * 129,
)


@pytest.mark.parametrize("text", NO_HASHES)
async def test_what_is_no_hash_is_refused(harness: Harness, text: str) -> None:
    answer = await harness.send("GET", f"{TURBO}/{text}")
    assert refused(answer) == (400, "invalid_request")
    answer = await harness.send("PUT", f"{TURBO}/{text}", content=BODY)
    assert refused(answer) == (400, "invalid_request")
    assert (await harness.preflight("PUT", text)).status_code == 204
    assert refused(await harness.send("GET", f"{NX}/{text}")) == (404, "invalid_request")
    answer = await harness.send("PUT", f"{NX}/{text}", content=BODY)
    assert refused(answer) == (403, "invalid_request")
    assert harness.looks() == []
    reasons = {(line["decision"], line["reason"]) for line in harness.audit_lines}
    assert reasons == {("denied", "invalid_request")}


@pytest.mark.parametrize("text", ["..", ".", "../a", "../../v1/cache/a", "\xe9"])
def test_a_path_is_read_as_it_was_sent(text: str) -> None:
    for below, program in (("v8/artifacts", Program.TURBOREPO), ("v1/cache", Program.NX)):
        address = parse_address(f"web/{below}/{text}".encode("latin-1"), "GET")
        assert address == Address("web", Resource.ARTIFACT, program, text)
        with pytest.raises(InvalidRequest):
            Artifact(CACHE, program, address.hash)


@pytest.mark.parametrize("text", ["a", "x" * 128, "34f325b33f00fda8", "A-Z_09", "status", "events"])
def test_a_hash_names_an_artifact(text: str) -> None:
    artifact = Artifact(CACHE, Program.NX, text)
    assert artifact.trusted_key == f"t/nx/{text}"


@pytest.mark.parametrize("text", ["", "a\n", "a/b", "\uff11", "x" * 129])
def test_no_artifact_has_another_name(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Artifact(CACHE, Program.TURBOREPO, text)
