"""`/l/{ticket}` over ASGI: what a link redirects to, and when it is dead."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.access.grants import Caller
from service.protocols.links.link import Link
from service.protocols.links.tickets import LinkKeys
from tests.protocols.links.factories import KEY, OTHER_KEY, make_link
from tests.protocols.links.visitor import (
    CREDENTIAL,
    SIZE,
    Visitor,
    code,
    end_windows,
    run_visitor,
    target,
)
from tests.support.app import API_KEY, make_open_grant
from tests.support.valkey import Valkey


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_link_redirects_for_a_minute(visitor: Visitor, method: str) -> None:
    answer = await visitor.send(method, visitor.link())
    path, query = target(answer)
    assert (path, query["X-Amz-Expires"]) == ("/a/b.txt", ["60"])
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in answer.headers["cache-control"]


async def test_get_and_head_have_signatures_of_their_own(visitor: Visitor) -> None:
    path = visitor.link()
    signatures = {
        target(await visitor.send(method, path))[1]["X-Amz-Signature"][0]
        for method in ("GET", "HEAD")
    }
    assert len(signatures) == 2


async def test_a_url_ends_with_its_link(visitor: Visitor) -> None:
    path = visitor.link(expires_at=int(time.time()) + 30)
    seconds = int(target(await visitor.send("GET", path))[1]["X-Amz-Expires"][0])
    assert 20 < seconds <= 30


async def test_a_link_names_the_file(visitor: Visitor) -> None:
    _, query = target(await visitor.send("GET", visitor.link(filename="q3.pdf")))
    assert query["response-content-disposition"] == ['attachment; filename="q3.pdf"']


async def test_a_prefix_link_reaches_what_is_below(visitor: Visitor) -> None:
    path = visitor.link(key="tiles/", is_prefix=True)
    assert target(await visitor.send("GET", f"{path}/1/2%20.png"))[0] == "/tiles/1/2 .png"
    assert code(await visitor.send("GET", path)) == (404, "not_found")
    assert code(await visitor.send("GET", f"{path}/")) == (404, "not_found")


async def test_a_backslash_below_a_link_is_part_of_the_key(visitor: Visitor) -> None:
    """It is a character like any other, as in S3."""
    path = visitor.link(key="tiles/", is_prefix=True)
    assert target(await visitor.send("GET", f"{path}/a%5C..%5Cx"))[0] == "/tiles/a\\..\\x"


@pytest.mark.parametrize(
    "below", ["%2e%2e/x", "a/%2E%2E/x", "%2e%2e%2Fx", "a\\x", "%zz", "%ff", "a%00"]
)
async def test_a_path_that_climbs_is_refused(visitor: Visitor, below: str) -> None:
    answer = await visitor.send("GET", f"{visitor.link(key='tiles/', is_prefix=True)}/{below}")
    assert code(answer) == (422, "invalid_request")
    assert below not in answer.text


@pytest.mark.parametrize("rest", ["/", "/x", "//"])
async def test_a_link_to_a_key_has_nothing_below(visitor: Visitor, rest: str) -> None:
    assert code(await visitor.send("GET", visitor.link() + rest)) == (404, "not_found")


async def test_a_query_has_no_meaning(visitor: Visitor) -> None:
    """Sites add parameters to links that are passed on there."""
    _, query = target(await visitor.send("GET", f"{visitor.link()}?fbclid=x&versionId=v"))
    assert "versionId" not in query


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_a_download_link_is_for_nothing_else(visitor: Visitor, method: str) -> None:
    path = f"{visitor.link(key='a/', is_prefix=True)}/b"
    answer = await visitor.send(method, path, SIZE if method == "PUT" else None)
    assert code(answer) == (405, "method_not_allowed")


async def test_every_flipped_character_is_refused(visitor: Visitor) -> None:
    path = visitor.link()
    for at in range(len("/l/"), len(path)):
        flipped = path[:at] + ("A" if path[at] != "A" else "B") + path[at + 1 :]
        answer = await visitor.send("GET", flipped)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("text", ["", "x", "%ff", "%2e%2e", "A" * 5000, "..%2f"])
async def test_what_is_no_ticket_is_unknown(visitor: Visitor, text: str) -> None:
    answer = await visitor.send("GET", f"/l/{text}")
    assert code(answer) == (404, "not_found")


async def test_a_key_that_is_gone_opens_nothing(tmp_path: Path) -> None:
    async with run_visitor(tmp_path, keys=(OTHER_KEY,)) as visitor:
        assert code(await visitor.send("GET", visitor.link())) == (404, "not_found")
    async with run_visitor(tmp_path, keys=(OTHER_KEY, KEY)) as visitor:
        assert target(await visitor.send("GET", visitor.link()))


async def test_a_link_is_over_or_not_yet_valid(visitor: Visitor) -> None:
    path = visitor.link(not_before=int(time.time()) + 1000)
    assert code(await visitor.send("GET", path)) == (404, "not_found")
    visitor.clock.moved = 1100.0
    assert target(await visitor.send("GET", path))
    visitor.clock.moved = 3700.0
    assert code(await visitor.send("GET", path)) == (410, "link_expired")


@pytest.mark.parametrize(
    "grant",
    [
        {"allow": ["download", "upload"]},
        {"allow": ["link", "upload"]},
        {"prefix": "b/"},
        {"max_link_expires_in": 1},
    ],
)
async def test_a_withdrawn_grant_ends_links(tmp_path: Path, grant: Mapping[str, Any]) -> None:
    async with run_visitor(tmp_path, **grant) as visitor:
        visitor.clock.moved = 10.0
        assert code(await visitor.send("GET", visitor.link())) == (404, "not_found")


async def test_a_drop_box_has_the_limits_of_grants_with_link(tmp_path: Path) -> None:
    unlimited = make_open_grant(allow=["upload"])
    limits: dict[str, Any] = {"max_content_length": 10, "content_types": ["text/plain"]}
    async with run_visitor(tmp_path, other_grants=(unlimited,), **limits) as visitor:
        box = visitor.drop_box()
        for headers, status in (
            ({"Content-Length": "11", "Content-Type": "text/plain"}, 413),
            ({"Content-Length": "10", "Content-Type": "image/png"}, 415),
            ({"Content-Length": "10", "Content-Type": "text/plain"}, 307),
        ):
            assert (await visitor.send("PUT", f"{box}/a", headers)).status_code == status
        direct = {"Content-Length": "11", "Content-Type": "image/png"} | CREDENTIAL
        assert (await visitor.send("PUT", "/o/demo/in/a", direct)).status_code == 307


async def test_a_link_has_the_lifetime_of_grants_with_link(tmp_path: Path) -> None:
    longer = make_open_grant(allow=["download"], max_expires_in=3600)
    async with run_visitor(tmp_path, other_grants=(longer,), max_expires_in=30) as visitor:
        await visitor.send("GET", "/o/demo/a/b.txt", CREDENTIAL)
        _, query = target(await visitor.send("GET", visitor.link()))
        assert query["X-Amz-Expires"] == ["30"]


async def test_a_link_of_an_unknown_maker_or_bucket_is_unknown(visitor: Visitor) -> None:
    for path in (
        visitor.link(caller=Caller(issuer=None, subject="gone")),
        visitor.link(bucket="gone"),
        visitor.link(bucket="closed"),
    ):
        assert code(await visitor.send("GET", path)) == (404, "not_found")


async def test_the_configuration_revokes_links(tmp_path: Path) -> None:
    now = int(time.time())
    link: Link = make_link(
        caller=Caller(issuer=None, subject="tester"),
        bucket="demo",
        key="a",
        issued_at=now,
        expires_at=now + 60,
    )
    ticket = LinkKeys([KEY]).seal(link)
    async with run_visitor(tmp_path, revoked=[ticket.id]) as visitor:
        assert code(await visitor.send("GET", f"/l/{ticket.text}")) == (404, "not_found")
        assert target(await visitor.send("GET", visitor.link()))


async def test_a_use_is_in_the_audit_trail(tmp_path: Path) -> None:
    lines = list[bytes]()
    async with run_visitor(tmp_path, audit=lines.extend) as visitor:
        path = visitor.link()
        await visitor.send("GET", path)
        line = json.loads(lines[-1])
        assert line["link_id"] == visitor.id_of(path)
    assert (line["subject"], line["keys"], line["decision"]) == ("tester", ["a/b.txt"], "allowed")
    trail = b"".join(lines)
    assert path.removeprefix("/l/").encode() not in trail
    assert b"X-Amz-Signature" not in trail


async def test_a_drop_box_gives_each_file_a_folder_and_its_date(visitor: Visitor) -> None:
    path = visitor.drop_box()
    today = datetime.fromtimestamp(visitor.clock.wall(), UTC).date()
    keys = [
        target(await visitor.send("PUT", f"{path}/my%20file%20%C3%A9.txt", SIZE))[0]
        for _ in range(2)
    ]
    assert len({*keys}) == 2
    for key in keys:
        _, prefix, unique, name = key.split("/")
        assert (prefix, len(unique), name) == ("in", 32, f"{today} my file \u00e9.txt")


async def test_a_drop_box_signs_a_condition_that_is_sent(tmp_path: Path) -> None:
    async with run_visitor(tmp_path, allow_overwrite=False) as visitor:
        path = f"{visitor.drop_box()}/a.txt"
        for headers in (SIZE, SIZE | {"If-None-Match": "*"}):
            signed = target(await visitor.send("PUT", path, headers))[1]["X-Amz-SignedHeaders"][0]
            assert ("if-none-match" in signed) == ("If-None-Match" in headers)


async def test_a_drop_box_takes_a_type_and_checksums(visitor: Visitor) -> None:
    sent = {
        "Content-Type": "text/plain",
        "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }
    _, query = target(await visitor.send("PUT", f"{visitor.drop_box()}/a", SIZE | sent))
    assert {name.lower() for name in sent} <= {*query["X-Amz-SignedHeaders"][0].split(";")}


@pytest.mark.parametrize(
    "name",
    [
        *("x-amz-tagging", "x-amz-meta-presign-part-size", "Cache-Control", "Content-Disposition"),
        *("Content-Encoding", "Content-Language", "Expires"),
    ],
)
async def test_a_drop_box_lets_nobody_describe_its_objects(visitor: Visitor, name: str) -> None:
    sent = SIZE | {name: "public"}
    answer = await visitor.send("PUT", f"{visitor.drop_box()}/a", sent)
    assert code(answer) == (422, "invalid_request")
    assert "A drop box accepts a file with its type and checksums." in answer.json()["detail"]


@pytest.mark.parametrize(
    ("below", "headers", "refusal"),
    [
        ("", SIZE, (422, "invalid_request")),
        ("/", SIZE, (422, "invalid_request")),
        ("/a/b", SIZE, (422, "invalid_request")),
        ("/a%2Fb", SIZE, (422, "invalid_request")),
        ("/a", {"Transfer-Encoding": "chunked"}, (411, "length_required")),
        ("/a", {"Content-Length": "11"}, (413, "body_too_large")),
        ("/a", SIZE | {"Content-Type": "text/html"}, (415, "unsupported_media_type")),
    ],
)
async def test_a_drop_box_keeps_the_grants_limits(
    tmp_path: Path, below: str, headers: Mapping[str, str], refusal: tuple[int, str]
) -> None:
    limits: dict[str, Any] = {"max_content_length": 10, "content_types": ["text/plain"]}
    async with run_visitor(tmp_path, **limits) as visitor:
        typed = {"Content-Type": "text/plain", **headers}
        assert code(await visitor.send("PUT", visitor.drop_box() + below, typed)) == refusal


async def test_programs_use_a_counted_link_by_a_get(tmp_path: Path, valkey: Valkey) -> None:
    async with run_visitor(tmp_path, store_url=valkey.url) as visitor:
        new = {"bucket": "demo", "key": "a", "max_uses": 1}
        made = await visitor.send("POST", "/v1/links", CREDENTIAL, json=new)
        path = urlsplit(made.json()["url"]).path
        for method in ("HEAD", "GET", "HEAD", "GET"):  # one window
            assert target(await visitor.send(method, path))
        ended = await visitor.send("DELETE", f"/v1/links/{made.json()['id']}", CREDENTIAL)
        assert ended.status_code == 204
        assert code(await visitor.send("GET", path)) == (404, "not_found")


async def test_a_counted_link_that_is_over_answers_no_method(
    tmp_path: Path, valkey: Valkey
) -> None:
    async with run_visitor(tmp_path, store_url=valkey.url) as visitor:
        path = await visitor.counted_link(2)
        for _ in range(2):
            for _ in range(3):  # nor does HEAD use anything
                assert target(await visitor.send("HEAD", path))
                end_windows(valkey)
            assert target(await visitor.send("GET", path))
            assert target(await visitor.send("HEAD", path))  # in its window
            end_windows(valkey)
        for method in ("HEAD", "GET"):
            assert (await visitor.send(method, path)).status_code == 410


async def test_a_store_out_of_reach_gives_no_use(tmp_path: Path, valkey: Valkey) -> None:
    async with run_visitor(tmp_path, store_url=valkey.url) as visitor:
        valkey.stop()
        for method in ("GET", "HEAD"):
            assert (await visitor.send(method, visitor.link(max_uses=1))).status_code == 503
        assert target(await visitor.send("GET", visitor.link()))  # by what was seen last


async def test_without_a_store_a_counted_link_is_unknown(visitor: Visitor) -> None:
    assert code(await visitor.send("GET", visitor.link(max_uses=1))) == (404, "not_found")


async def test_a_credential_is_not_needed_and_not_looked_at(visitor: Visitor) -> None:
    for authorization in (f"Bearer {API_KEY}", "Bearer wrong"):
        answer = await visitor.send("GET", visitor.link(), {"Authorization": authorization})
        assert target(answer)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("link", "GET, HEAD, POST"),
        ("counted", "GET, HEAD, POST"),
        ("drop_box", "GET, HEAD, POST, PUT"),
    ],
)
async def test_a_refused_method_names_the_others(visitor: Visitor, path: str, allow: str) -> None:
    paths = {
        "link": visitor.link(),
        "counted": visitor.link(max_uses=1),
        "drop_box": visitor.drop_box(),
    }
    method = "POST" if path == "drop_box" else "PUT"
    below = "/x" if path == "drop_box" else ""
    answer = await visitor.send(method, paths[path] + below, SIZE)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize("prefix", ["/l%2F", "/%6C/"])
async def test_an_encoded_prefix_is_no_link(visitor: Visitor, prefix: str) -> None:
    path = visitor.link().removeprefix("/l/")
    assert code(await visitor.send("GET", prefix + path)) == (404, "not_found")
