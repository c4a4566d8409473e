"""`bucket_defaults`, `grant_sets` and `buckets_dir`: what several buckets or callers share."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from service.app.settings import Settings, load_settings
from service.cli.main import main
from service.errors import ConfigurationError

DIGESTS: Final = [f"{digit}" * 64 for digit in "abcdef"]
SHARED: Final = f"""\
bucket_defaults:
  region: eu-west-1
  role_arn: arn:aws:iam::111122223333:role/presign
  session_tags: {{team: a, stage: b}}
buckets:
  reports:
  photos: {{region: eu-north-1, session_tags: {{team: c}}}}
  store: {{credentials: static, role_arn: null, session_tags: {{}}}}
grant_sets:
  readers:
    - {{bucket: reports, prefix: invoices/, allow: [download]}}
    - {{bucket: photos, prefix: "", allow: [list]}}
callers:
  - {{api_key: a, sha256: [{DIGESTS[0]}], grants: readers}}
  - {{api_key: b, sha256: [{DIGESTS[1]}], grants: readers}}
unsafe_anonymous_caller: {{grants: readers}}
"""


def loaded(directory: Path, text: str, **others: str) -> Settings:
    """`others` are files of `buckets.d`."""
    path = directory / "presign.yaml"
    path.write_text(text)
    (directory / "buckets.d").mkdir(exist_ok=True)
    for name, other in others.items():
        (directory / "buckets.d" / f"{name}.yaml").write_text(other)
    return load_settings(path)


def refused(directory: Path, text: str, **others: str) -> list[str]:
    with pytest.raises(ConfigurationError) as found:
        loaded(directory, text, **others)
    return [str(each).replace(f"{directory}/", "") for each in found.value.problems]


def test_a_bucket_has_the_defaults_that_it_does_not_replace(tmp_path: Path) -> None:
    buckets = loaded(tmp_path, SHARED).buckets
    assert [each.region for each in buckets.values()] == ["eu-west-1", "eu-north-1", "eu-west-1"]
    assert [each.session_tags for each in buckets.values()] == [
        {"team": "a", "stage": "b"},
        {"team": "c"},
        {},
    ]
    assert buckets["store"].role_arn is None


@pytest.mark.parametrize("key", ["session_seconds: 2h", "fips: true"])
def test_a_null_removes_a_default(tmp_path: Path, key: str) -> None:
    name = key.partition(":")[0]
    text = SHARED.replace("  region: eu-west-1\n", f"  region: eu-west-1\n  {key}\n", 1)
    text = text.replace("{region: eu-north-1,", f"{{region: eu-north-1, {name}: null,")
    buckets = loaded(tmp_path, text).buckets
    default = type(buckets["photos"]).model_fields[name].default
    assert getattr(buckets["photos"], name) == default != getattr(buckets["reports"], name)


def test_a_callers_grants_are_those_of_the_set_that_it_names(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SHARED)
    [invoices, photos] = settings.grant_sets["readers"]
    assert [each.grants for each in settings.callers] == [(invoices, photos)] * 2
    assert settings.unsafe_anonymous_caller is not None
    assert settings.unsafe_anonymous_caller.grants == (invoices, photos)


def test_a_teams_caller_can_name_a_set(tmp_path: Path) -> None:
    (tmp_path / "teams").mkdir()
    team = f"callers: [{{api_key: c, sha256: [{DIGESTS[2]}], grants: readers}}]"
    (tmp_path / "teams" / "c.yaml").write_text(team)
    settings = loaded(tmp_path, f"{SHARED}callers_dir: teams\n")
    assert settings.callers[2].grants == settings.grant_sets["readers"]


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("region: eu-west-1", "region: Europe",
         ['presign.yaml:2: bucket_defaults.region: write a region such as eu-west-1 (found "Europe")']),
        ("region: eu-west-1", "regoin: eu-west-1",
         ["presign.yaml:2: bucket_defaults.regoin: unknown setting; did you mean region?",
          "presign.yaml:6: buckets.reports.region: is missing",
          "presign.yaml:8: buckets.store.region: is missing"]),
        ("region: eu-west-1", "bucket: acme",
         ["presign.yaml:2: bucket_defaults.bucket: unknown setting here; it belongs in `buckets`",
          "presign.yaml:6: buckets.reports.region: is missing",
          "presign.yaml:8: buckets.store.region: is missing"]),
        ("role_arn: null, ", "",
         [("presign.yaml:8: buckets.store: credentials: static takes no role_arn; leave that out, "
          "or write null for what bucket_defaults has")]),
        ("allow: [download]", "allow: [download, lst]",
         ["presign.yaml:11: grant_sets.readers.0.allow.1: "]),
        ("bucket: photos", "bucket: photo",
         [('presign.yaml:12: grant_sets.readers.1.bucket: no bucket "photo" is configured; '
          'did you mean "photos"?')]),
        ("invoices/", "'{claim:/a}/'",
         [("presign.yaml:11: grant_sets.readers.0.prefix: only a token has claims; write a prefix "
          'without placeholders (found "{claim:/a}/")')]),
        (f"[{DIGESTS[1]}], grants: readers", f"[{DIGESTS[1]}], grants: raeders",
         [('presign.yaml:15: callers.1.grants: no grant set "raeders" is configured; did you mean '
          '"readers"?')]),
    ],
)  # fmt: skip
def test_an_error_in_what_is_shared_is_reported_once_where_it_is_written(
    tmp_path: Path, old: str, new: str, problems: list[str]
) -> None:
    assert old in SHARED
    found = sorted(refused(tmp_path, SHARED.replace(old, new)))
    assert len(found) == len(problems)
    assert all(map(str.startswith, found, problems)), found


def test_a_set_that_nobody_uses_is_checked_too(tmp_path: Path) -> None:
    text = f"{SHARED}".replace("grants: readers", "grants: []")
    [problem] = refused(tmp_path, text.replace("[list]", "[]"))
    assert problem == "presign.yaml:12: grant_sets.readers.1.allow: is empty; write at least one"


MORE: Final = f"{SHARED}buckets_dir: buckets.d\n"


def test_a_directory_adds_buckets_which_have_the_defaults(tmp_path: Path) -> None:
    settings = loaded(tmp_path, MORE, a="buckets: {logs: {region: us-east-1}, audit: }", b="")
    assert settings.buckets["logs"].region == "us-east-1"
    assert settings.buckets["audit"].region == "eu-west-1"


def test_all_buckets_can_be_in_the_directory(tmp_path: Path) -> None:
    text = "buckets_dir: buckets.d"
    settings = loaded(tmp_path, text, a="buckets: {a: {region: eu-west-1, credentials: static}}")
    assert [*settings.buckets] == ["a"]


def test_a_variable_is_expanded_in_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGION", "us-east-2")
    settings = loaded(tmp_path, MORE, a="buckets:\n  logs:\n    region: ${REGION}\n")
    assert settings.buckets["logs"].region == "us-east-2"


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ("buckets:\n  logs:\n    fips: maybe\n",
         "buckets.d/a.yaml:3: buckets.logs.fips: write true or false"),
        ("# a second one\nbuckets:\n  reports:\n",
         "buckets.d/a.yaml:3: buckets.reports: presign.yaml:6 has the same name"),
        ("callers: []", "buckets.d/a.yaml:1: callers: write `buckets:`, each by its name, and nothing else"),
        ("buckets: [a]", "buckets.d/a.yaml:1: buckets: write each bucket below its name"),
        ("buckets: {logs: {region: '${UNSET_A}'}}",
         "buckets.d/a.yaml:1: buckets.logs.region: the variable UNSET_A is not set"),
    ],
)  # fmt: skip
def test_an_error_in_the_directory_has_its_file_and_line(
    tmp_path: Path, other: str, problem: str
) -> None:
    found = refused(tmp_path, MORE, a=other)
    assert len(found) == 1
    assert found[0].startswith(problem), found


def test_a_missing_directory_has_its_line(tmp_path: Path) -> None:
    [problem] = refused(tmp_path, SHARED + "buckets_dir: nowhere.d\n")
    assert problem == (
        'presign.yaml:17: buckets_dir: "nowhere.d" is not a directory that can be read: '
        "No such file or directory"
    )


def test_a_teams_file_cannot_read_variables(tmp_path: Path) -> None:
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "c.yaml").write_text(
        f"callers:\n  - api_key: c\n    sha256: [{DIGESTS[2]}]\n    grants:\n"
        "      - bucket: reports\n        prefix: ${PATH}/\n        allow: [download]\n"
    )
    [problem] = refused(tmp_path, f"{SHARED}callers_dir: teams\n")
    place = "teams/c.yaml:6: callers.0.grants.0.prefix: ${PATH} is not expanded in a file of "
    assert problem.startswith(place)


WITH_ROLE: Final = "role_arn: 'arn:aws:iam::111122223333:role/presign'"


@pytest.mark.parametrize(
    ("defaults", "risk"),
    [
        (f"{WITH_ROLE}, scoped_sessions: false", "scoped_sessions: all callers share one session"),
        (
            f"{WITH_ROLE}, session_tags: {{a: '{{subject}}'}}",
            "session_tags: have {subject} without",
        ),
        (
            "credentials: static, endpoint_url: 'https://minio.internal'",
            "credentials: all callers share one set",
        ),
    ],
)
def test_a_defaults_risk_is_shown_once_where_it_is_written(
    tmp_path: Path, defaults: str, risk: str
) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(
        f"bucket_defaults:\n  {{region: eu-west-1, {defaults}}}\n"
        "buckets: {a: , b: {region: us-east-1}}\n"
    )
    done = CliRunner().invoke(main, ["check", str(path)])
    lines = [line for line in done.output.splitlines() if line.startswith("warning:")]
    about_it = [line for line in lines if risk.partition(": ")[2] in line]
    assert [each.partition(risk)[0] for each in about_it] == [
        f"warning: {path}:2: bucket_defaults."
    ]
