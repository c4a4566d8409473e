"""The section `git_lfs`, what `presign check` reports about it, and its reload."""

import json
import logging
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.config.key_files import new_key
from service.protocols.git_lfs import PROTOCOL
from service.protocols.roots import ProtocolRoot
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.cli.invoking import rights_by_caller
from tests.protocols.package_index.test_settings import ISSUER, ROLE, caller, granted

DESIGN: Final = {"bucket": "reports", "prefix": "lfs/design/"}
LFS: Final = {"repositories": {"design": DESIGN}}
PULL: Final = ("check", "download")
PUSH: Final = ("check", "upload")


def with_links(directory: Path) -> dict[str, Any]:
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    server = {"public_url": "https://files.example.com"}
    return {"links": {"keys": [str(key)]}, "server": server}


def document(*callers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": {"region": "eu-west-1", "role_arn": ROLE}},
        "issuers": {"cluster": ISSUER},
        "callers": list(callers or [caller("ci", "lfs/", *PULL)]),
        "git_lfs": LFS,
        **more,
    }


def checked(directory: Path, *callers: dict[str, Any], **more: Any) -> tuple[int, str]:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*callers, **more), indent=1))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def of_claim(subject: str, prefix: str, *allow: str) -> dict[str, Any]:
    return {"issuer": "cluster", "subject": subject, "grants": [granted(prefix, *allow)]}


def test_check_knows_who_may_pull_and_push(tmp_path: Path) -> None:
    callers = (
        caller("reader", "lfs/", *PULL),
        caller("writer", "lfs/design/", *PULL, *PUSH),
        caller("parts", "", *PUSH, "multipart"),
        caller("unchecked", "lfs/", "download", "upload"),
        caller("narrow", "lfs/design/ab/", *PULL),
        caller("sibling", "lfs/designs/", *PULL),
        caller("key", "lfs", *PULL),
        of_claim("team:*", "lfs/{claim:/team}/", *PULL, *PUSH),
        of_claim("other:*", "wiki/{claim:/team}/", *PULL),
    )
    assert rights_by_caller(document(*callers, **with_links(tmp_path)), PROTOCOL) == {
        "API key reader": ["pull"],
        "API key writer": ["pull", "push"],
        "API key parts": ["push", "push in parts"],
        "API key unchecked": [],
        "API key narrow": [],
        "API key sibling": [],
        "API key key": [],
        "team:* of cluster": ["pull", "push"],
        "other:* of cluster": [],
    }


def test_check_says_where_a_repository_is_and_who_may_use_it(tmp_path: Path) -> None:
    none = caller("none", "elsewhere/", "list")
    code, output = checked(tmp_path, caller("writer", "lfs/", *PULL, *PUSH), none)
    assert code == 0, output
    for line in (
        "git_lfs: objects over 5 GiB are refused; their uploads need the keys of `links`",
        "git_lfs design: /lfs/design has its objects in reports/lfs/design/",
        "API key writer may pull, push in the Git LFS repository design",
    ):
        assert line in output.splitlines()
    assert output.count("Git LFS") == 1
    assert ": git_lfs" not in output


def test_check_says_what_is_sent_in_parts(tmp_path: Path) -> None:
    section = {**LFS, "multipart_threshold": "60MiB"}
    code, output = checked(tmp_path, git_lfs=section, **with_links(tmp_path))
    assert code == 0, output
    assert "git_lfs: objects over 60 MiB are sent in parts by clients that can" in output
    assert ": links: nobody may make one" not in output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"callers": [caller("ci", "lfs/", "download")]}, "design: nobody may use it"),
        (
            {
                "buckets": {
                    "reports": {
                        "region": "eu-west-1",
                        "role_arn": ROLE,
                        "conditional_writes": False,
                    }
                }
            },
            "design.bucket: bucket reports has no conditional writes, so nobody may push",
        ),
    ],
)
def test_check_warns_of_what_has_no_effect(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    code, output = checked(tmp_path, **more)
    assert code == 0
    assert f": git_lfs.repositories.{said}" in output


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"repositories": {}}, "git_lfs.repositories"),
        ({}, "git_lfs.repositories"),
        (
            {"repositories": {"design": DESIGN | {"bucket": "reprots"}}},
            'git_lfs.repositories.design.bucket: no bucket "reprots" is configured; did you mean',
        ),
        (
            {"repositories": {"design": DESIGN | {"prefix": "lfs"}}},
            "git_lfs.repositories.design.prefix: write a prefix without placeholders that ends in /",
        ),
        ({"repositories": {"a/b": DESIGN}}, "git_lfs.repositories.a/b"),
        (LFS | {"multipart_threshold": "6GiB"}, "git_lfs.multipart_threshold"),
        (LFS | {"multipart_threshold": "1MiB"}, "git_lfs.multipart_threshold"),
    ],
)
def test_an_invalid_section_is_explained(
    tmp_path: Path, section: dict[str, Any], said: str
) -> None:
    code, output = checked(tmp_path, git_lfs=section)
    assert code == 1
    assert said in output


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        (None, LFS, ["git_lfs"]),
        (LFS, {"repositories": {"new": DESIGN}}, []),
        (LFS, None, []),
    ],
)
async def test_repositories_change_at_once_and_the_first_at_the_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    late: list[str],
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    put(path, configuration(git_lfs=before))
    async with watching(path) as service:
        assert await service.changed_to(configuration(git_lfs=after)) == "ok"
        values = service.harness.services.protocols[PROTOCOL].values
    expected = {} if after is None else after["repositories"]
    repositories = {} if values is None else values.repositories.named
    assert repositories == {name: ProtocolRoot(**each) for name, each in expected.items()}
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]
