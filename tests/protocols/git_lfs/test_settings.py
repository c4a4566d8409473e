"""What the section `git_lfs` says besides its roots: from which size objects are sent in parts."""

from pathlib import Path
from typing import Any, Final

import pytest

from service.config.key_files import new_key
from service.protocols.git_lfs import PROTOCOL
from tests.cli.invoking import rights_by_caller
from tests.protocols.sections import BUCKET, ROOT, caller, checked, document

LFS: Final = {"repositories": {"design": ROOT}}
PARTS: Final = caller("parts", "", "check", "upload", "multipart")


def with_links(directory: Path) -> dict[str, Any]:
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    server = {"public_url": "https://files.example.com"}
    return {"links": {"keys": [str(key)]}, "server": server}


def test_parts_need_the_keys_of_links(tmp_path: Path) -> None:
    without = document(PARTS, git_lfs=LFS)
    assert rights_by_caller(without, PROTOCOL) == {"API key parts": ["push"]}
    keys = without | with_links(tmp_path)
    assert rights_by_caller(keys, PROTOCOL) == {"API key parts": ["push", "push in parts"]}


def test_check_says_what_is_sent_in_parts(tmp_path: Path) -> None:
    said = "git_lfs: objects over 5 GiB are refused; their uploads need the keys of `links`"
    assert said in checked(tmp_path, PARTS, git_lfs=LFS)[1].splitlines()
    section = {**LFS, "multipart_threshold": "60MiB"}
    code, output = checked(tmp_path, PARTS, git_lfs=section, **with_links(tmp_path))
    assert code == 0, output
    assert "git_lfs: objects over 60 MiB are sent in parts by clients that can" in output
    assert ": links: nobody may use it" not in output


def test_check_says_that_nobody_may_push_without_conditions(tmp_path: Path) -> None:
    buckets = {"reports": BUCKET | {"conditional_writes": False}}
    code, output = checked(tmp_path, PARTS, buckets=buckets, git_lfs=LFS)
    assert code == 0, output
    said = "design.bucket: bucket reports has no conditional writes, so nobody may push"
    assert f": git_lfs.repositories.{said}" in output


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"repositories": {}}, "git_lfs.repositories"),
        ({}, "git_lfs.repositories"),
        (
            LFS | {"multipart_threshold": "6GiB"},
            "git_lfs.multipart_threshold: write at most 5.0GiB",
        ),
        (LFS | {"multipart_threshold": "1MiB"}, "git_lfs.multipart_threshold: write at least"),
    ],
)
def test_an_invalid_section_is_explained(
    tmp_path: Path, section: dict[str, Any], said: str
) -> None:
    code, output = checked(tmp_path, PARTS, git_lfs=section)
    assert (code, said in output) == (1, True), output
