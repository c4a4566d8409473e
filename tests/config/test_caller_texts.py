"""A reload keeps the callers whose text is the same, and says the same as a reading of the whole."""

from pathlib import Path
from typing import Any, Final

import pytest

from service.app.settings import Settings, load_again, load_settings
from service.config import caller_texts, yaml_file
from service.config.caller_texts import digests_of
from service.config.yaml_reader import parse
from service.errors import ConfigurationError

HEAD: Final = """\
buckets:
  reports: {region: eu-west-1, credentials: static}
"""
SCOPED: Final = """\
buckets:
  reports:
    {region: eu-west-1, role_arn: 'arn:aws:iam::111122223333:role/presign',
     endpoint_url: 'https://s.test', sts_endpoint_url: 'https://s.test', scoped_sessions: true}
"""
OF_A_SET: Final = f"- {{api_key: a, sha256: ['{'1' * 64}'], grants: readers}}\n"
VENDED: Final = "[upload, credentials]"
SETS: Final = """\
grant_sets:
  readers: [{bucket: reports, prefix: PREFIX, allow: [download]}]
"""


def caller(
    name: str, prefix: str = "", indent: str = "  ", allow: str = "[download]", **more: str
) -> str:
    lines = [
        f"- api_key: {name}",
        f"  sha256: ['{name.encode().hex():0>64}']",
        f"  grants: [{{bucket: reports, prefix: '{prefix}', allow: {allow}}}]",
        *(f"  {key}: {value}" for key, value in more.items()),
    ]
    return "".join(f"{indent}{line}\n" for line in lines)


def callers(*texts: str) -> str:
    return "callers:\n" + "".join(texts)


class Configured:
    """A configuration file that is read, changed and read again."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "presign.yaml"
        self.teams = directory / "teams"

    def write(self, *texts: str, head: str = HEAD, more: str = "") -> None:
        self.path.write_text(head + more + (callers(*texts) if texts else ""))

    def write_teams(self, **texts: str) -> None:
        self.teams.mkdir(exist_ok=True)
        for file in self.teams.iterdir():
            file.unlink()
        for name, text in texts.items():
            (self.teams / f"{name}.yaml").write_text(text)
        self.path.write_text(f"{HEAD}callers_dir: teams\n")

    def read(self) -> Settings:
        return load_settings(self.path)

    def read_again(self, old: Settings) -> Settings:
        """Return what a reading of the whole returns."""
        new = load_again(self.path, old)
        assert new == load_settings(self.path)
        return new

    def problems(self, old: Settings) -> list[str]:
        """Return what both say is wrong."""
        with pytest.raises(ConfigurationError) as expected:
            load_settings(self.path)
        with pytest.raises(ConfigurationError) as raised:
            load_again(self.path, old)
        assert raised.value.problems == expected.value.problems
        return [str(each).removeprefix(f"{self.path.parent}/") for each in raised.value.problems]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    return Configured(tmp_path)


def kept(old: Settings, new: Settings) -> list[str | None]:
    """Return the names of the callers that are the same objects."""
    known = {id(each) for each in old.callers}
    return [each.api_key for each in new.callers if id(each) in known]


def texts_that_are_parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []

    def counted(text: str) -> Any:
        texts.append(text)
        return parse(text)

    for module in (yaml_file, caller_texts):
        monkeypatch.setattr(module, "parse", counted)
    return texts


def test_only_a_changed_caller_is_read(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.write(caller("a"), caller("b"), caller("c"))
    old = configured.read()
    configured.write(caller("a"), caller("b", prefix="x/"), caller("c"))
    new = configured.read_again(old)
    assert kept(old, new) == ["a", "c"]
    assert new.callers[1].grants[0].prefix == "x/"

    parsed = texts_that_are_parsed(monkeypatch)
    assert kept(new, load_again(configured.path, new)) == ["a", "b", "c"]
    assert "api_key" not in "".join(parsed)


def test_callers_that_move_or_get_neighbours_are_kept(configured: Configured) -> None:
    configured.write(caller("a"), caller("b"), "  # about c\n", caller("c"))
    old = configured.read()
    configured.write(caller("c"), caller("new"), caller("a"), more="server: {drain_seconds: 1}\n")
    assert kept(old, configured.read_again(old)) == ["c", "a"]


def test_a_caller_that_changes_back_is_as_before(configured: Configured) -> None:
    configured.write(caller("a"), caller("b"))
    first = configured.read()
    configured.write(caller("a", prefix="x/"), caller("b"))
    second = configured.read_again(first)
    configured.write(caller("a"), caller("b"))
    third = configured.read_again(second)
    assert third == first
    assert kept(first, third) == ["b"]


def test_unchanged_files_of_teams_are_not_parsed(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.write_teams(sales=callers(caller("a"), caller("b")), tax=callers(caller("c")))
    old = configured.read()
    configured.write_teams(sales=callers(caller("a"), caller("b")), tax=callers(caller("d")))
    assert kept(old, configured.read_again(old)) == ["a", "b"]

    parsed = texts_that_are_parsed(monkeypatch)
    configured.write_teams(sales=callers(caller("a"), caller("b")))
    assert kept(old, load_again(configured.path, old)) == ["a", "b"]
    assert "api_key" not in "".join(parsed)


def test_a_renamed_file_keeps_its_callers(configured: Configured) -> None:
    configured.write_teams(sales=callers(caller("a")), tax=callers(caller("b")))
    old = configured.read()
    configured.write_teams(zoo=callers(caller("a")), tax=callers(caller("b")))
    new = configured.read_again(old)
    assert [each.api_key for each in new.callers] == kept(old, new) == ["b", "a"]


def test_callers_of_a_removed_file_are_gone(configured: Configured) -> None:
    configured.write_teams(sales=callers(caller("a")), tax=callers(caller("b")))
    old = configured.read()
    configured.write_teams(tax=callers(caller("b")))
    assert [each.api_key for each in configured.read_again(old).callers] == ["b"]


def test_a_caller_with_a_variable_is_expanded_each_time(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFIX", "one/")
    configured.write(caller("a", prefix="${PREFIX}"), caller("b"))
    old = configured.read()
    monkeypatch.setenv("PREFIX", "two/")
    new = configured.read_again(old)
    assert new.callers[0].grants[0].prefix == "two/"
    assert kept(old, new) == ["b"]


def test_a_caller_with_a_file_is_read_each_time(configured: Configured) -> None:
    secret = configured.path.with_name("prefix")
    secret.write_text("one/\n")
    configured.write(caller("a", prefix="${file:prefix}"), caller("b"))
    old = configured.read()
    secret.write_text("two/\n")
    assert configured.read_again(old).callers[0].grants[0].prefix == "two/"


@pytest.mark.parametrize(
    "reference", [r"\x24{file:digest}", r"$\x7Bfile:digest}", "$\\\n    {file:digest}"]
)
@pytest.mark.parametrize("more", ["", "# ${elsewhere}\n"])
def test_a_file_named_by_an_escape_is_read_each_time(
    configured: Configured, reference: str, more: str
) -> None:
    digest = configured.path.with_name("digest")
    digest.write_text("a" * 64)
    of_a = f'- api_key: a\n  sha256: ["{reference}"]\n'
    configured.write(of_a, more=more)
    old = configured.read()
    digest.write_text("b" * 64)
    assert configured.read_again(old).callers[0].sha256 == ("b" * 64,)


def test_a_missing_variable_is_a_problem_again(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFIX", "one/")
    configured.write(caller("b"), caller("a", prefix="${PREFIX}"))
    old = configured.read()
    monkeypatch.delenv("PREFIX")
    [problem] = configured.problems(old)
    assert problem.startswith("presign.yaml:9: callers.1.grants.0.prefix: the variable PREFIX")


def test_a_reference_in_a_teams_file_stays_refused(configured: Configured) -> None:
    configured.write_teams(sales=callers(caller("a")))
    old = configured.read()
    configured.write_teams(sales=callers(caller("a"), caller("b", prefix="${HOME}")))
    [problem] = configured.problems(old)
    assert "${HOME} is not expanded in a file of callers_dir" in problem


def test_a_grant_set_that_changes_is_used(configured: Configured) -> None:
    configured.write(OF_A_SET, more=SETS.replace("PREFIX", "one/"))
    old = configured.read()
    assert kept(old, configured.read_again(old)) == ["a"]
    configured.write(OF_A_SET, more=SETS.replace("PREFIX", "two/"))
    assert configured.read_again(old).callers[0].grants[0].prefix == "two/"


def test_a_grant_set_of_a_variable_is_used(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P", "one/")
    configured.write(OF_A_SET, more=SETS.replace("PREFIX", "'${P}'"))
    old = configured.read()
    monkeypatch.setenv("P", "two/")
    assert configured.read_again(old).callers[0].grants[0].prefix == "two/"


def test_one_name_in_two_files_is_refused_with_both_lines(configured: Configured) -> None:
    configured.write_teams(sales=callers(caller("a")), tax=callers(caller("b"), caller("c")))
    old = configured.read()
    again = caller("a").replace("61']", "62']")
    configured.write_teams(sales=callers(caller("a")), tax=callers(caller("c"), again))
    [problem] = configured.problems(old)
    assert problem.startswith("teams/tax.yaml:5: callers.1.api_key: ")
    assert 'teams/sales.yaml:2) has the api_key name "a" too' in problem


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (caller("b", rate_limti="1/s"), 13),
        (caller("b").replace("reports", "report"), 12),
        ("  - <<: {api_key: b}\n", 10),
        (caller("b", api_key="c"), 13),
        ("  - api_key: 'b\n", 12),
        ("  - [\n", 11),
    ],
)
def test_a_mistake_has_its_line(configured: Configured, wrong: str, line: int) -> None:
    configured.write(caller("a"), caller("d"))
    old = configured.read()
    configured.write(caller("a"), caller("d"), wrong, caller("c"))
    assert configured.problems(old)[0].startswith(f"presign.yaml:{line}: ")


def test_a_bucket_that_goes_is_missed_by_unchanged_callers(configured: Configured) -> None:
    configured.write(caller("a"))
    old = configured.read()
    text = configured.path.read_text().replace("  reports:", "  others:")
    configured.path.write_text(text)
    [problem] = configured.problems(old)
    assert problem.startswith("presign.yaml:6: callers.0.grants.0.bucket: ")


def test_unchanged_callers_are_compared_with_a_changed_bucket(configured: Configured) -> None:
    both = [caller("a", allow=VENDED), caller("b")]
    configured.write(*both, head=SCOPED)
    old = configured.read()
    configured.write(*both, head=SCOPED.replace("sessions: true", "sessions: false"))
    [problem] = configured.problems(old)
    assert problem.startswith("presign.yaml:8: callers.0.grants.0.allow: `credentials` needs")


def test_a_new_caller_is_compared_with_unchanged_buckets(configured: Configured) -> None:
    configured.write(caller("a"))
    old = configured.read()
    configured.write(caller("a"), caller("b", allow=VENDED))
    [problem] = configured.problems(old)
    assert problem.startswith("presign.yaml:9: callers.1.grants.0.allow: `credentials` needs")


def test_unchanged_callers_are_compared_with_a_new_condition(configured: Configured) -> None:
    configured.write(caller("a", allow=VENDED), head=SCOPED)
    old = configured.read()
    tagged = caller("b", allow="[download], only_if_tagged: {scan: clean}")
    configured.write(caller("a", allow=VENDED), tagged, head=SCOPED)
    [problem] = configured.problems(old)
    assert problem.startswith("presign.yaml:8: callers.0.grants.0.allow: ")
    assert "reads only what is tagged" in problem


@pytest.mark.parametrize(
    "text",
    [
        callers("- &a {api_key: a}\n", "- *a\n"),
        "callers: [{api_key: a}]\n",
        '"callers":\n- {api_key: a}\n',
        "callers:\n- {api_key: a}\n-\n  api_key: b\n",
        "callers:\n- # first\n  api_key: b\n",
        "callers:\n- api_key: 'a\n- b'\n",
        "callers:\n- {api_key: a}\n\u2028- {api_key: b}\n",
        "%YAML 1.2\n---\ncallers:\n- {api_key: a}\n",
        "\ufeff%TAG !e! tag:yaml.org,2002:\n---\ncallers:\n- {api_key: !e!str 1}\n",
    ],
)
def test_what_may_depend_on_other_lines_is_read_each_time(text: str) -> None:
    assert set(digests_of(text, parse(text))) == {None}
