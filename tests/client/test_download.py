"""Downloads to files and streams: ranges, resumption and verification."""

import os
import stat
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from presign_client import Downloaded, PresignError
from presign_client.checksums import composite, digest_of
from presign_client.transfers.expected import expected
from presign_client.transfers.plan import MIB
from tests.client.failing import fails
from tests.client.fake import Fake, etag, problem, s3_error

CONTENT = bytes(range(23))


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """A store with one object of five parts, which was uploaded with this client."""
    fake, source = Fake(), tmp_path / "source"
    source.write_bytes(CONTENT)
    with fake.client() as client:
        client.upload(source, "reports", "a.csv", part_size=5)
    source.unlink()
    fake.requests.clear()
    return fake


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def download(fake: Fake, target: Any, **options: Any) -> Downloaded:
    with fake.client() as client:
        return client.download("reports", "a.csv", target, **options)


def flip(fake: Fake) -> None:
    fake.objects["a.csv"] = b"\xff" + CONTENT[1:]


@pytest.fixture(params=["file", "stream"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def received(fake: Fake, kind: str, target: Path) -> tuple[bytes, Downloaded]:
    if kind == "file":
        done = download(fake, target)
        return target.read_bytes(), done
    stream = BytesIO()
    done = download(fake, stream)
    return stream.getvalue(), done


def test_an_object_arrives_by_ranges_and_is_verified(fake: Fake, kind: str, target: Path) -> None:
    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert (done.size, done.verified) == (23, True)
    assert len(fake.sent_to_the_store("GET")) == 5
    assert fake.paths() == ["POST object-checks", "POST download-urls"]


def test_an_empty_object_is_an_empty_file(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", b"")

    assert received(fake, kind, target)[0] == b""


def test_without_check_the_object_is_not_verified(fake: Fake, kind: str, target: Path) -> None:
    fake.denied = {"object-checks"}

    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert (done.size, done.verified) == (23, False)


def test_without_check_an_empty_object_arrives(fake: Fake, kind: str, target: Path) -> None:
    fake.denied = {"object-checks"}
    fake.put("a.csv", b"")

    assert received(fake, kind, target)[0] == b""


@pytest.mark.parametrize("denied", [set(), {"object-checks"}])
def test_a_missing_object_leaves_no_file(fake: Fake, target: Path, denied: set[str]) -> None:
    fake.denied = denied
    fake.objects.clear()

    with pytest.raises(PresignError, match="not_found"):
        download(fake, target)

    assert not target.exists()


def test_a_flipped_byte_of_a_part_is_found(fake: Fake, kind: str, target: Path) -> None:
    flip(fake)

    with pytest.raises(PresignError, match="checksum_mismatch"):
        received(fake, kind, target)

    assert not target.exists()
    assert not list(target.parent.glob(".presign-*"))


def test_a_flipped_byte_of_a_whole_object_is_found(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", CONTENT)
    flip(fake)

    with pytest.raises(PresignError, match="checksum_mismatch"):
        received(fake, kind, target)


def test_a_composite_without_a_number_is_verified(fake: Fake, kind: str, target: Path) -> None:
    value = fake.checksums["a.csv"]["SHA256"]
    fake.checksums["a.csv"]["SHA256"] = value.partition("-")[0]

    assert received(fake, kind, target)[1].verified


def test_a_whole_checksum_is_verified(fake: Fake, kind: str, target: Path) -> None:
    fake.put("a.csv", CONTENT)

    assert received(fake, kind, target)[1].verified


def test_a_composite_of_unknown_parts_proves_nothing(fake: Fake, kind: str, target: Path) -> None:
    fake.metadata.clear()

    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert not done.verified


def test_the_part_size_of_a_stranger_can_be_given(fake: Fake, target: Path) -> None:
    fake.metadata.clear()

    assert download(fake, target, part_size=5).verified


def test_an_unknown_checksum_proves_nothing(fake: Fake, target: Path) -> None:
    fake.checksums["a.csv"] = {"CRC64NVME": "rosUhgp5mIg="}

    assert not download(fake, target).verified


@pytest.mark.parametrize("algorithm", ["SHA1", "CRC32"])
def test_other_checksums_are_verified(fake: Fake, target: Path, algorithm: str) -> None:
    digests = [digest_of([CONTENT[n : n + 5]], algorithm) for n in range(0, 23, 5)]
    fake.checksums["a.csv"] = {algorithm: f"{composite(digests, algorithm)}-5"}

    assert download(fake, target).verified


def test_a_file_has_the_rights_of_a_new_file(fake: Fake, target: Path) -> None:
    mask = os.umask(0o027)
    try:
        download(fake, target)
    finally:
        os.umask(mask)

    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_an_existing_file_is_replaced_at_the_end(fake: Fake, target: Path) -> None:
    target.write_bytes(b"before")
    flip(fake)
    with pytest.raises(PresignError):
        download(fake, target)
    assert target.read_bytes() == b"before"

    fake.objects["a.csv"] = CONTENT
    download(fake, target)

    assert target.read_bytes() == CONTENT


def test_a_link_stays_one(fake: Fake, target: Path) -> None:
    target.symlink_to(target.with_name("real"))

    download(fake, target)

    assert target.is_symlink()
    assert target.with_name("real").read_bytes() == CONTENT


def test_a_device_is_written_to(fake: Fake) -> None:
    assert download(fake, "/dev/null").verified
    assert Path("/dev/null").is_char_device()


def test_a_directory_is_no_target(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        download(fake, tmp_path)


def interrupt(fake: Fake, target: Path) -> None:
    """Fail after two parts."""
    answered = 0

    def before(request: httpx.Request) -> httpx.Response | None:
        nonlocal answered
        if request.url.host == "store.test":
            answered += 1
            return s3_error(404, "NoSuchBucket") if answered > 2 else None
        return None

    fake.before = before
    with pytest.raises(PresignError, match="NoSuchBucket"):
        download(fake, target, parallel=1)
    fake.before = None
    fake.requests.clear()


def test_an_interrupted_download_reads_only_what_is_missing(fake: Fake, target: Path) -> None:
    interrupt(fake, target)
    assert not target.exists()

    done = download(fake, target)

    assert target.read_bytes() == CONTENT
    assert done.verified
    assert len(fake.sent_to_the_store("GET")) == 3
    assert [path.name for path in target.parent.glob("*arget*")] == ["target"]


def test_a_resumed_download_of_another_object_starts_over(fake: Fake, target: Path) -> None:
    interrupt(fake, target)
    fake.put("a.csv", b"another object")

    download(fake, target)

    assert target.read_bytes() == b"another object"


def test_a_half_file_that_is_gone_starts_over(fake: Fake, target: Path) -> None:
    interrupt(fake, target)
    [half] = target.parent.glob(".presign-*")
    half.unlink()

    download(fake, target)

    assert target.read_bytes() == CONTENT


def test_a_half_file_that_was_changed_is_found(fake: Fake, target: Path) -> None:
    interrupt(fake, target)
    [half] = target.parent.glob(".presign-*")
    half.write_bytes(b"\xff" * 23)

    with pytest.raises(PresignError, match="checksum_mismatch"):
        download(fake, target)


def test_two_downloads_to_one_file_do_not_mix(fake: Fake, target: Path) -> None:
    def again(*_: object) -> None:
        download(fake, target)

    with pytest.raises(PresignError, match="in_progress"):
        download(fake, target, on_progress=again)


def test_an_object_that_is_replaced_meanwhile_is_an_error(fake: Fake, target: Path) -> None:
    def replace(request: httpx.Request) -> None:
        if request.headers.get("range", "").startswith("bytes=10"):
            fake.put("a.csv", CONTENT[::-1])

    fake.before = replace

    with pytest.raises(PresignError, match="source_changed"):
        download(fake, target)


def test_a_store_without_ranges_is_refused(fake: Fake, target: Path) -> None:
    whole = httpx.Response(200, headers={"etag": etag(CONTENT)}, content=CONTENT)
    fails(1, whole, fake, "store.test")

    with pytest.raises(PresignError, match="did not send the range"):
        download(fake, target, parallel=1)


class Breaking(httpx.SyncByteStream):
    """A body that breaks after two bytes."""

    def __iter__(self) -> Any:
        yield CONTENT[:2]
        raise httpx.ReadError("broken")


def test_a_range_that_breaks_goes_on_where_it_broke(fake: Fake, kind: str, target: Path) -> None:
    wanted = fake.answer
    broken: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        whole = wanted(request)
        if request.headers.get("range") == "bytes=0-4" and not broken:
            broken.append(request)
            return httpx.Response(206, headers=whole.headers, stream=Breaking())
        return whole

    fake.answer = answer  # type: ignore[method-assign]

    content, done = received(fake, kind, target)

    assert content == CONTENT
    assert done.verified
    assert "bytes=2-4" in [each.headers.get("range") for each in fake.requests]


def test_an_expired_url_is_signed_again_for_all(fake: Fake, target: Path) -> None:
    fails(1, s3_error(403, "AccessDenied"), fake, "store.test")

    download(fake, target, parallel=1)

    assert target.read_bytes() == CONTENT
    assert fake.paths().count("POST download-urls") == 2


def test_a_refusal_of_the_service_is_the_error(fake: Fake, target: Path) -> None:
    fails(1, problem(403, "forbidden"), fake, "download-urls")

    with pytest.raises(PresignError, match="forbidden"):
        download(fake, target)


def test_a_full_disk_is_an_error_of_the_system(fake: Fake) -> None:
    with pytest.raises(OSError, match="No space left"):
        download(fake, "/dev/full")


@pytest.mark.parametrize(
    ("count", "size", "part_size"),
    [(3, 24 * MIB, 8), (4, 20 * MIB, 5), (2, 24 * MIB, 16), (13, 100 * MIB, 8), (2, 99 * MIB, 64)],
)
def test_usual_part_sizes_are_tried_by_the_number_of_parts(
    count: int, size: int, part_size: int
) -> None:
    found = {"content_length": size, "etag": "e", "checksums": {"SHA256": f"a-{count}"}}

    assert expected(found, None).part_size == part_size * MIB
