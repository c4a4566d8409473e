"""`${VAR}` and `${file:…}` in the values of a configuration."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from service.app.settings import load_settings
from service.config import yaml_file
from service.config.expansion import Expander, NoExpander
from service.config.process import configuration_sources
from service.config.yaml_reader import parse
from service.errors import ConfigurationError
from tests.docs.test_configuration_page import EXAMPLE, uncommented_text

ENVIRON: Final = {
    "ROLE": "the-role",
    "EMPTY": "",
    "NESTED": "${ROLE}",
    "_1": "one",
    "YAML": "{a: b}",
}
BUCKET: Final = "buckets: {reports: {region: eu-west-1, credentials: static}}\n"
SECRET: Final = "sentinel@?-SENTINEL"


def expanded(text: str, directory: Path = Path(), kind: type[Expander] = Expander) -> Any:
    expander = kind(directory, ENVIRON)
    found = expander.expand(parse(text))
    assert expander.problems == []
    return found


def problem(text: str, directory: Path = Path(), kind: type[Expander] = Expander) -> str:
    expander = kind(directory, ENVIRON)
    expander.expand(parse(text))
    [(location, said)] = expander.problems
    assert location == ("a", 0)
    return said


def written(directory: Path, text: str) -> Path:
    path = directory / "presign.yaml"
    path.write_text(text)
    return path


def refused(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as found:
        load_settings(path)
    return [str(each) for each in found.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${ROLE}", "the-role"),
        ("'a ${ROLE} b ${_1}'", "a the-role b one"),
        ("${EMPTY}", ""),
        ("${ROLE:-other}", "the-role"),
        ("${EMPTY:-other}", "other"),
        ("${UNSET:-other}", "other"),
        ("${UNSET:-}", ""),
        ("'${UNSET:-a:-b $c}'", "a:-b $c"),
        ("${NESTED}", "${ROLE}"),
        ("${YAML}", "{a: b}"),
        ("$${ROLE}", "${ROLE}"),
        ("'$$${ROLE}'", "$${ROLE}"),
        ("$ROLE", "$ROLE"),
        ("$$", "$$"),
    ],
)
def test_a_value_is_expanded_once_and_stays_text(text: str, value: str) -> None:
    assert expanded(f"a: {text}") == {"a": value}


def test_a_key_is_not_expanded() -> None:
    assert expanded("{'${ROLE}': '${ROLE}'}") == {"${ROLE}": "the-role"}


def test_an_alias_is_expanded_once() -> None:
    found = expanded("a: &one ['${NESTED}']\nb: *one\nc: &two {d: '${ROLE}'}\nf: *two\n")
    assert found == {
        "a": ["${ROLE}"],
        "b": ["${ROLE}"],
        "c": {"d": "the-role"},
        "f": {"d": "the-role"},
    }


def test_aliases_of_aliases_take_no_more_time_than_their_containers() -> None:
    lines = ["a0: &a0 ['${ROLE}']"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    found = expanded("\n".join(lines))
    assert found["a1"][8] == ["the-role"]


@pytest.mark.parametrize(
    ("content", "value"), [("x", "x"), ("x\n", "x"), ("x\n\n", "x\n"), ("", "")]
)
def test_a_file_loses_one_newline_at_its_end(tmp_path: Path, content: str, value: str) -> None:
    (tmp_path / "secret").write_text(content)
    assert expanded("a: '${file:secret}'", tmp_path) == {"a": value}
    assert expanded(f"a: 'b-${{file:{tmp_path}/secret}}'") == {"a": f"b-{value}"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${UNSET}", "the variable UNSET is not set; set it, or write ${UNSET:-default}"),
        ("${ROLE", "write ${VAR}, ${VAR:-default} or ${file:/path}"),
        ("${}", "write ${VAR}, ${VAR:-default} or ${file:/path}"),
        ("${1A}", "write ${VAR}, ${VAR:-default} or ${file:/path}"),
        ("${ROLE:?x}", "write ${VAR}, ${VAR:-default} or ${file:/path}"),
        ("${file:}", "write ${VAR}, ${VAR:-default} or ${file:/path}"),
        ("${file:nowhere}", "${file:nowhere} cannot be read: No such file or directory"),
        ("${file:.}", "${file:.} cannot be read: Is a directory"),
        ("${file:binary}", "${file:binary} is not a text file in UTF-8"),
        ("${file:long}", "${file:long} is not a text file in UTF-8"),
        ("${file:/dev/zero}", "${file:/dev/zero} is not a text file in UTF-8"),
    ],
)
def test_what_cannot_be_expanded_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "long").write_text("a" * (64 * 1024 + 1))
    assert problem(f"a: ['{text}']", tmp_path).startswith(said)


def test_a_reference_is_refused_where_its_author_may_not_read_secrets() -> None:
    assert problem("a: ['${ROLE}']", kind=NoExpander).startswith(
        "${ROLE} is not expanded in a file"
    )
    assert expanded("a: ['$${ROLE}']", kind=NoExpander) == {"a": ["${ROLE}"]}


def test_text_becomes_the_type_of_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"A": "77", "B": "true", "C": "50MiB", "D": "https://a.example"}.items():
        monkeypatch.setenv(name, text)
    settings = load_settings(
        written(
            tmp_path,
            "buckets: {reports: {region: eu-west-1, credentials: static, fips: '${B}'}}\n"
            "server: {default_expires_in: '${A}', cors_origins: '${D}'}\n"
            f"callers: [{{api_key: a, sha256: [{'a' * 64}], grants: [{{bucket: reports,"
            " prefix: 'p${A}/', allow: [download], max_content_length: '${C}'}]}]\n",
        )
    )
    assert settings.server.default_expires_in == 77
    assert settings.server.cors_origins == ("https://a.example",)
    assert settings.buckets["reports"].fips is True
    [grant] = settings.callers[0].grants
    assert (grant.prefix, grant.max_content_length) == ("p77/", 50 * 1024**2)
    assert type(grant.prefix) is str


def test_every_unset_variable_has_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNSET_A", raising=False)
    path = written(
        tmp_path, "buckets:\n  reports:\n    region: ${UNSET_A}\n    role_arn: ${UNSET_B}\n"
    )
    assert refused(path) == [
        f"{path}:{line}: buckets.reports.{setting}: the variable {name} is not set; set it, or write "
        f"${{{name}:-default}}"
        for line, setting, name in [(3, "region", "UNSET_A"), (4, "role_arn", "UNSET_B")]
    ]


def scalars(node: Any, location: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = node.items() if isinstance(node, dict) else enumerate(node)
    return [
        found
        for key, each in members
        for found in (
            scalars(each, (*location, key)) if isinstance(each, dict | list) else [(*location, key)]
        )
    ]


def problems_of(path: Path) -> list[str]:
    try:
        load_settings(path, offline=True)
    except ConfigurationError as error:
        return [str(each) for each in error.problems]
    return []


def refuses_without_its_text(directory: Path, document: Any, location: tuple[Any, ...]) -> bool:
    node = document
    for part in location[:-1]:
        node = node[part]
    node[location[-1]] = "${file:secret}"
    path = written(directory, json.dumps(document, indent=1, default=str))
    problems = problems_of(path)
    assert "sentinel" not in str(problems).lower(), location
    assert all(each.startswith(f"{path}:") for each in problems)
    return bool(problems)


@pytest.mark.parametrize("secret", [SECRET, f"{SECRET}{' ' * 90}", "sentinel", "sentinel/"])
def test_no_error_shows_an_expanded_text(tmp_path: Path, secret: str) -> None:
    """Each setting of the example gets a secret in turn. Some settings accept some of them.

    Settings are compared with each other only in the first document: the second has all keys, of
    which some exclude others.
    """
    (tmp_path / "secret").write_text(secret)
    for directory in ("callers.d", "buckets.d"):
        (tmp_path / directory).mkdir()
    refused_ones = 0
    for text in (EXAMPLE, uncommented_text()):
        refused_ones += sum(
            refuses_without_its_text(tmp_path, parse(text), location)
            for location in scalars(parse(text))
        )
    assert refused_ones > 60


def test_an_expanded_list_of_origins_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGINS", f"https://a.example {SECRET}")
    path = written(tmp_path, f"{BUCKET}server: {{cors_origins: '${{ORIGINS}}'}}\n")
    [problem] = refused(path)
    assert "ORIGINS" in problem
    assert "sentinel" not in problem.lower()


def test_a_file_that_is_named_is_watched(tmp_path: Path) -> None:
    path = written(tmp_path, f"{BUCKET}server: {{rate_limit_url: '${{file:nowhere}}'}}\n")
    assert configuration_sources(path).files == (tmp_path / "nowhere",)


TEAMS: Final = f"{BUCKET}callers_dir: teams\n"


@pytest.mark.parametrize(
    ("text", "parsed", "directories"),
    [
        pytest.param(BUCKET, 0, [], id="names no other file"),
        pytest.param(TEAMS, 1, ["teams"], id="a directory, whose files can name none"),
        pytest.param(
            TEAMS.replace("callers_dir", '"callers\\x5fdir"'), 1, ["teams"], id="by an escape"
        ),
    ],
)
def test_only_what_may_name_a_file_is_parsed_to_find_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    parsed: int,
    directories: list[str],
) -> None:
    """Thousands of callers take seconds of CPU to parse, and a reload reads them anyway."""
    texts = list[str]()

    def counted(text: str) -> Any:
        texts.append(text)
        return parse(text)

    monkeypatch.setattr(yaml_file, "parse", counted)
    path = written(tmp_path, text)
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "a.yaml").write_text("callers: []\n")
    assert configuration_sources(path).directories == tuple(tmp_path / each for each in directories)
    assert len(texts) == parsed


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "12:30:00", "0o17", "1_000", "~", "null"]
)
def test_a_variables_text_is_not_read_as_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TEXT", text)
    callers = (
        f"callers: [{{api_key: a, sha256: [{'a' * 64}], grants: [{{bucket: reports,"
        " prefix: '${TEXT}/', allow: [download]}]}]\n"
    )
    [caller] = load_settings(written(tmp_path, BUCKET + callers)).callers
    assert caller.grants[0].prefix == f"{text}/"
