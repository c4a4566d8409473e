"""Sections with roots: what `presign check` says of each, their mistakes and their reload."""

import logging
from pathlib import Path
from typing import Any, Final

import pytest

from service.protocols.roots import ProtocolRoot
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.cli.invoking import rights_by_caller
from tests.protocols.sections import (
    ROOT,
    SECTIONS,
    RootSection,
    caller,
    checked,
    document,
    granted,
    of_key,
    of_token,
)

each_section: Final = pytest.mark.parametrize("of", SECTIONS, ids=lambda of: of.key)


@each_section
def test_check_knows_who_may_use_a_root(of: RootSection) -> None:
    def all_allowed(prefix: str) -> dict[str, Any]:
        return granted(prefix, *of.allow, allow_overwrite=True)

    prefixes = ("", "a/", "a/team/", "a/team/b/", "a/teams/", "a", "a/team")
    callers = [of_key(f"k{i}", all_allowed(each)) for i, each in enumerate(prefixes)]
    tokens = [
        of_token("all:*", all_allowed("a/{claim:/team}/")),
        of_token("part:*", all_allowed("a/team/{claim:/team}/")),
        of_token("none:*", all_allowed("b/{claim:/team}/")),
    ]
    section = {of.key: of.section(ROOT)}
    assert rights_by_caller(document(*callers, *tokens, **section), of.protocol) == {
        "API key k0": of.all_of_it,
        "API key k1": of.all_of_it,
        "API key k2": of.all_of_it,
        "API key k3": of.in_part,
        "API key k4": [],
        "API key k5": [],
        "API key k6": [],
        "all:* of cluster": of.all_of_it,
        "part:* of cluster": of.in_part,
        "none:* of cluster": [],
    }


@each_section
def test_check_says_where_a_root_is_and_who_may_use_it(tmp_path: Path, of: RootSection) -> None:
    callers = (
        caller("user", "a/", *of.allow, allow_overwrite=True),
        caller("none", "elsewhere/", *of.allow),
    )
    code, output = checked(tmp_path, *callers, **{of.key: of.section(ROOT)})
    assert code == 0, output
    assert of.described in output.splitlines()
    assert f"API key user may {', '.join(of.all_of_it)} {of.where}" in output.splitlines()
    assert output.count(of.where) == 1
    assert f": {of.location}" not in output


@each_section
def test_check_says_what_a_caller_needs_if_nobody_may_use_a_root(
    tmp_path: Path, of: RootSection
) -> None:
    section = {of.key: of.section(ROOT)}
    code, output = checked(tmp_path, caller("ci", "b/", *of.allow), **section)
    assert code == 0, output
    needs = f"nobody may use it; a caller needs grants that cover reports/a/team/ {of.needs}\n"
    assert f": {of.location}: {needs}" in output


@each_section
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bucket": "reprots"}, 'bucket: no bucket "reprots" is configured; did you mean'),
        ({"prefix": "a"}, "prefix: write a prefix without placeholders that ends in /"),
        ({"prefix": "{claim:/a}/"}, "prefix: write a prefix without placeholders"),
        ({"prefix": None}, "prefix: has no value; write one"),
    ],
)
def test_a_mistake_in_a_root_is_explained(
    tmp_path: Path, of: RootSection, change: dict[str, Any], said: str
) -> None:
    code, output = checked(tmp_path, **{of.key: of.section(ROOT | change)})
    assert (code, f"{of.location}.{said}" in output) == (1, True), output


@pytest.mark.parametrize("of", SECTIONS[:3], ids=lambda of: of.key)
def test_a_name_of_a_root_is_one_segment(tmp_path: Path, of: RootSection) -> None:
    def renamed(node: dict[str, Any]) -> dict[str, Any]:
        inner = {key: renamed(value) if key != of.name else value for key, value in node.items()}
        return {"a/b" if key == of.name else key: value for key, value in inner.items()}

    code, output = checked(tmp_path, **{of.key: renamed(of.section(ROOT))})
    assert (code, f"{of.location.removesuffix(of.name)}a/b" in output) == (1, True), output


@each_section
@pytest.mark.parametrize(
    ("before", "after", "is_late"),
    [(None, ROOT, True), (ROOT, ROOT | {"prefix": "new/"}, False), (ROOT, None, False)],
)
async def test_roots_change_at_once_and_the_first_at_the_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    of: RootSection,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    is_late: bool,
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    old, new = ({} if each is None else {of.key: of.section(each)} for each in (before, after))
    put(path, configuration(**old))
    async with watching(path) as service:
        assert await service.changed_to(configuration(**new)) == "ok"
        values = service.harness.services.protocols[of.protocol].values
    assert (None if values is None else of.roots(values).named) == (
        None if after is None else {of.name: ProtocolRoot(**after)}
    )
    text = f"changed, but will take effect only after a restart: {of.key}"
    assert log_messages(caplog)[1:] == ([text] if is_late else [])
