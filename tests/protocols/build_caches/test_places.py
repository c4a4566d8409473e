"""Which folder of a cache a caller reads and writes: no pull request writes what others read."""

from typing import Any

import pytest

from tests.protocols.build_caches.harness import (
    BODY,
    NX,
    OF_PULL,
    OTHERS,
    OWN,
    TRUSTED,
    TURBO,
    Harness,
    grant,
    refused,
    settings,
    signed,
    start,
    writing,
)


async def test_the_main_branch_writes_what_is_trusted(harness: Harness) -> None:
    answer = await harness.preflight("PUT")
    assert answer.status_code == 200
    assert signed(answer) == (f"{TRUSTED}turborepo/abc", "900", {"content-type", "host"})
    answer = await harness.send("PUT", f"{NX}/abc", content=BODY)
    assert answer.status_code == 307
    lengths = {"content-length", "content-type", "host"}
    assert signed(answer) == (f"{TRUSTED}nx/abc", "900", lengths)


async def test_a_pull_request_writes_a_folder_of_its_own() -> None:
    async with start(settings(*OF_PULL)) as harness:
        assert signed(await harness.preflight("PUT"))[0] == f"{OWN}turborepo/abc"
        answer = await harness.send("PUT", f"{NX}/abc", content=BODY)
        assert signed(answer)[0] == f"{OWN}nx/abc"
        assert harness.looks() == [
            f"{place}{program}/abc" for program in ("turborepo", "nx") for place in (TRUSTED, OWN)
        ]


async def test_what_is_trusted_wins_over_the_own_folder() -> None:
    async with start(settings(*OF_PULL)) as harness:
        harness.has(f"{TRUSTED}nx/abc", f"{OWN}nx/abc", f"{OWN}nx/own", f"{OTHERS}8/nx/other")
        assert signed(await harness.send("GET", f"{NX}/abc"))[0] == f"{TRUSTED}nx/abc"
        assert signed(await harness.send("GET", f"{NX}/own"))[0] == f"{OWN}nx/own"
        assert refused(await harness.send("GET", f"{NX}/other")) == (404, "not_found")


async def test_the_main_branch_never_gets_what_a_pull_request_wrote(harness: Harness) -> None:
    harness.has(f"{OWN}nx/abc", f"{OWN}turborepo/abc")
    assert refused(await harness.send("GET", f"{NX}/abc")) == (404, "not_found")
    assert refused(await harness.send("GET", f"{TURBO}/abc")) == (404, "not_found")
    assert (await harness.preflight("GET")).status_code == 204
    assert harness.looks() == [f"{TRUSTED}{name}/abc" for name in ("nx", "turborepo", "turborepo")]


@pytest.mark.parametrize("place", [TRUSTED, OWN])
async def test_what_is_there_is_not_written_again(place: str) -> None:
    async with start(settings(*OF_PULL)) as harness:
        harness.has(f"{place}nx/abc", f"{place}turborepo/abc")
        answer = await harness.send("PUT", f"{NX}/abc", content=BODY)
        assert refused(answer) == (409, "object_exists")
        assert (await harness.preflight("PUT")).status_code == 204
        answer = await harness.send("PUT", f"{TURBO}/abc", content=BODY)
        assert (answer.status_code, answer.json()) == (200, {"urls": []})


@pytest.mark.parametrize(
    "grants",
    [
        (grant(TRUSTED),),
        (grant(TRUSTED, "upload", allow_overwrite=True),),
        (writing(OTHERS),),
        (writing("cache/docs/"),),
        (writing(f"{OTHERS}7/"), writing(f"{OTHERS}8/")),
        (writing(f"{OTHERS}7"),),
        (writing("cache/web/prx/"),),
        (writing(TRUSTED, bucket="closed"),),
        (writing(TRUSTED, allow_overwrite=False),),
        (writing(TRUSTED, content_types=["image/*"]),),
    ],
    ids=[
        "reader",
        "without check",
        "all of others",
        "another cache",
        "two folders",
        "no folder",
        "beside others",
        "another bucket",
        "no overwrite",
        "other types",
    ],
)
async def test_other_grants_write_nothing(grants: tuple[dict[str, Any], ...]) -> None:
    async with start(settings(*grants)) as harness:
        assert (await harness.preflight("PUT")).status_code == 204
        for path in (NX, TURBO):
            answer = await harness.send("PUT", f"{path}/abc", content=BODY)
            assert answer.status_code == 403
            assert "location" not in answer.headers


async def test_two_grants_on_one_folder_are_one_folder() -> None:
    async with start(settings(grant(OWN, "upload", allow_overwrite=True), writing(OWN))) as harness:
        assert signed(await harness.preflight("PUT"))[0] == f"{OWN}turborepo/abc"


async def test_a_trusted_caller_with_a_folder_writes_what_is_trusted() -> None:
    async with start(settings(writing(TRUSTED), writing(OWN))) as harness:
        assert signed(await harness.preflight("PUT"))[0] == f"{TRUSTED}turborepo/abc"


async def test_who_writes_what_is_trusted_reads_nothing_else() -> None:
    """Its folder has what it wrote while it was not trusted."""
    async with start(settings(writing(TRUSTED, max_content_length=8), writing(OWN))) as harness:
        harness.has(f"{OWN}nx/abc", f"{OWN}turborepo/abc")
        assert refused(await harness.send("GET", f"{NX}/abc")) == (404, "not_found")
        assert (await harness.preflight("GET")).status_code == 204
        assert (await harness.batch("abc")).json() == {"abc": None}
        assert (await harness.preflight("PUT")).status_code == 204
        assert not any(key.startswith(OTHERS) for key in harness.looks())


async def test_a_place_that_may_not_be_checked_is_not_written() -> None:
    blind = grant(TRUSTED, "upload", allow_overwrite=True)
    async with start(settings(blind, writing(OWN))) as harness:
        assert signed(await harness.preflight("PUT"))[0] == f"{OWN}turborepo/abc"


async def test_a_folder_is_used_without_a_grant_for_what_is_trusted() -> None:
    async with start(settings(writing(OWN))) as harness:
        assert signed(await harness.preflight("PUT"))[0] == f"{OWN}turborepo/abc"
        assert harness.looks() == [f"{OWN}turborepo/abc"]


async def test_a_cache_without_others_has_only_what_is_trusted() -> None:
    async with start(settings(writing("cache/docs/"), writing(OWN))) as harness:
        answer = await harness.send("PUT", "/caches/docs/v1/cache/abc", content=BODY)
        assert signed(answer)[0] == "cache/docs/nx/abc"
        assert refused(await harness.send("GET", "/caches/docs/v1/cache/abc")) == (404, "not_found")
        assert harness.looks() == ["cache/docs/nx/abc"] * 2


async def test_a_limit_of_size_leaves_nx_alone() -> None:
    async with start(settings(writing(TRUSTED, max_content_length=8))) as harness:
        assert (await harness.preflight("PUT")).status_code == 204
        answer = await harness.send("PUT", f"{TURBO}/abc", content=BODY)
        assert refused(answer) == (403, "limit_exceeded")
        assert "only Nx writes" in answer.json()["error"]["message"]
        assert (await harness.send("PUT", f"{NX}/abc", content=BODY)).status_code == 307
        answer = await harness.send("PUT", f"{NX}/abc", content=BODY * 2)
        assert refused(answer) == (403, "limit_exceeded")
        assert "at most 8 bytes" in answer.text


async def test_a_url_lives_within_the_grant() -> None:
    async with start(settings(writing(TRUSTED, max_expires_in=60))) as harness:
        assert signed(await harness.preflight("PUT"))[1] == "60"


async def test_a_bucket_with_encryption_is_not_written() -> None:
    role = "arn:aws:iam::111122223333:role/presign"
    bucket = {"region": "eu-west-1", "role_arn": role, "encryption": {"algorithm": "AES256"}}
    async with start(settings(buckets={"demo": bucket})) as harness:
        assert (await harness.preflight("PUT")).status_code == 204
        for path in (NX, TURBO):
            answer = await harness.send("PUT", f"{path}/abc", content=BODY)
            assert refused(answer) == (403, "forbidden")
            assert "`encryption`" in answer.text
