"""The tests, files, settings and numbers that the pages name exist."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from service.app.reload import RESTART_REQUIRED
from service.app.settings import Settings
from service.config.server import ServerSettings
from service.telemetry.metrics import Metrics
from service.telemetry.otlp import FLUSH_SECONDS
from tests.docs.documents import blocks, section, table, text_of
from tests.end_to_end.mutations import CASES
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.cloudfront import ec_key, pem
from tests.support.demo import ROOT
from tests.support.r2_store import key_files
from tools import limits_page
from tools.site_tree import PAGES

THREATS: Final = text_of("docs/threats.md")
OPERATIONS: Final = text_of("docs/operations.md")
METRICS: Final = text_of("docs/metrics.md")
RUNBOOKS: Final = text_of("docs/runbooks.md")
GUIDES: Final = "docs/guides/README.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize(("path", "name"), sorted(set(_TEST.findall(THREATS))))
def test_every_test_in_the_threat_table_exists(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(ROOT / path)


def test_every_threat_has_a_test() -> None:
    threats = {row[0]: row[-1] for row in table(THREATS) if row[0] not in {"threat", "---"}}
    assert len(threats) > 20
    assert [threat for threat, tests in threats.items() if not _TEST.search(tests)] == []

    assert THREATS.count("::test") == len(_TEST.findall(THREATS)), "a name that is not checked"


def headings(path: Path) -> set[str]:
    """Return the anchors of the headings."""
    page = path.read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_and_headings_resolve(page: str) -> None:
    broken = []
    for file, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text_of(page)):
        path = (ROOT / page).parent / file if file else ROOT / page
        if not path.exists() or (heading and heading not in headings(path)):
            broken.append(f"{file}#{heading}")
    assert not broken


_PICTURE = re.compile(
    r'<picture>\n  <source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">\n'
    r'  <img src="([^"]+)" alt="[^"]+">\n</picture>'
)


@pytest.mark.parametrize("page", PAGES)
def test_pictures_exist_and_drawings_have_a_dark_one(page: str) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    shown = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert [each for each in shown if not (ROOT / page).parent.joinpath(each).is_file()] == []
    pairs = _PICTURE.findall(text)
    assert len(pairs) == text.count("<picture>")
    for dark, light in pairs:
        assert dark in {light.replace("light", "dark"), light.replace(".svg", "-dark.svg")}
    assert sum(each.endswith(".svg") for pair in pairs for each in pair) == text.count(".svg")


def test_the_recording_takes_ten_seconds_and_loads_fast() -> None:
    data = (ROOT / "docs/console/recording.webp").read_bytes()
    assert "docs/console/recording.webp" in text_of("README.md")
    assert len(data) <= 1_500_000
    # Of each frame of an animated WebP: 8 bytes of the chunk, 12 of its place, 3 of milliseconds.
    starts = [each.start() + 20 for each in re.finditer(b"ANMF", data)]
    seconds = sum(int.from_bytes(data[at : at + 3], "little") for at in starts) / 1000
    assert len(starts) >= 20
    assert 9 <= seconds <= 11


@pytest.mark.parametrize("name", ["flow", "trust", "audit-line", "multipart", "tokens"])
def test_both_diagrams_have_the_same_words(name: str) -> None:
    light, dark = (text_of(f"docs/{each}.svg") for each in (name, f"{name}-dark"))
    assert re.sub(r"#[0-9a-f]{6}", "", light) == re.sub(r"#[0-9a-f]{6}", "", dark)


def configurations() -> list[Any]:
    """Return the complete configurations: tests of their pages check single sections, and guides.

    `presign check` reads those of docs/platform.md, which share settings: test_share_settings.py.
    """
    elsewhere = ("docs/guides/", "docs/platform.md")
    pages = [page for page in PAGES if not page.startswith(elsewhere)]
    shown = [block for page in pages for block in blocks(page) if block.language == "yaml"]
    texts = [block.text for block in shown if "buckets:" in block.text]
    read = [each for text in texts for each in YAML(typ="safe").load_all(text)]
    return [each for each in read if isinstance(each, dict) and "buckets" in each]


def test_configurations_on_the_pages_are_valid(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(ec_key()))
    assert len(configurations()) >= 3
    for configuration in configurations():
        for issuer in configuration.get("issuers", {}).values():
            issuer.pop("ca_file", None)  # exists only in a cluster
        for bucket in configuration.get("buckets", {}).values():
            if bucket.get("credentials") == "r2":
                bucket.update(key_files(tmp_path))
            for key in bucket.get("cloudfront", {}).get("keys", ()):
                key["private_key_file"] = str(tmp_path / "key.pem")
        assert Settings.model_validate(configuration).buckets


def test_the_readme_links_every_page() -> None:
    """`docs/guides/README.md` links the guides: tests/docs/test_guides.py."""
    led = set(re.findall(r"\]\((docs/[\w/-]+\.md)", text_of("README.md")))
    guides = {page for page in PAGES if page.startswith("docs/guides/")} - {GUIDES}
    assert {page for page in PAGES if page.startswith("docs/")} - guides <= led


@pytest.mark.parametrize("page", PAGES)
def test_no_page_installs_another_project(page: str) -> None:
    """The Python index has another project by this name: `presign-server` is the service."""
    assert not re.findall(r"pip install [^`\n]*?(?<![\w./-])presign\b(?!-)", text_of(page))


INSTALLING: Final = [
    *PAGES,
    *("Dockerfile", "Makefile", ".ci/run", ".github/workflows/ci.yml", "service/config/process.py"),
]


@pytest.mark.parametrize("page", INSTALLING)
def test_the_service_is_installed_with_its_client(page: str) -> None:
    """Both from one clone: pip would ask an index for a client that is not named."""
    text = text_of(page).replace("\\\n", " ")
    installs = [line.split() for line in re.findall(r"\binstall ([^`\n]*)", text)]
    for words in ({word.strip("'\";,)").partition("[")[0] for word in each} for each in installs):
        assert "." not in words or "./client" in words


def test_nothing_is_installed_from_an_index_before_the_release() -> None:
    ours = re.compile(r"install [^`\n]*(?<![\w./-])presign-(?:server|client)\b")
    assert {page for page in PAGES if ours.search(text_of(page))} == {"docs/release.md"}


@pytest.mark.parametrize("page", ["README.md", "docs/security.md"])
def test_the_number_of_mutations_is_current(page: str) -> None:
    assert f"each of {len(CASES)} mutations" in " ".join(text_of(page).split())


# docs/operations.md, docs/metrics.md, docs/audit.md, docs/runbooks.md


async def kinds() -> dict[str, str]:
    """Return the type of each metric of a running app."""
    async with run_app(make_app_settings(make_open_grant())) as client:
        text = (await client.get("/metrics")).text
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


def labels() -> Mapping[str, set[str]]:
    """Return the declared labels of each metric."""
    metrics = Metrics()
    metrics.watch_sessions(lambda: [("a", 1, 1.0)], lambda _bucket: True)
    declared = {
        family.name: set(getattr(collector, "_labelnames", ("bucket",)))
        for collector in metrics.registry._collector_to_names
        for family in collector.collect()
    }
    return {name: each | {"le"} for name, each in declared.items()}


def family(name: str) -> str:
    return re.sub(r"_(total|bucket|count|sum)$", "", name)


async def test_the_metrics_table_matches_the_app() -> None:
    paragraphs = section("docs/metrics.md", "Metrics").split("\n\n")
    metrics = next(each for each in paragraphs if each.startswith("| metric |"))
    documented = {
        row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in table(metrics)[2:]
    }
    assert set(documented) == set(await kinds())
    assert documented == {name: labels()[family(name)] - {"le"} for name in documented}


async def test_every_named_metric_exists() -> None:
    known = await kinds()
    histograms = [name for name, kind in known.items() if kind == "histogram"]
    series = {f"{name}_{end}" for name in histograms for end in ("bucket", "count", "sum")}
    named = set(re.findall(r"presign_\w+", METRICS + RUNBOOKS + OPERATIONS))
    assert named <= known.keys() | series


def test_the_settings_that_need_a_restart_match_the_code() -> None:
    sentence = OPERATIONS.partition("next start only:")[2].partition(". ")[0]
    documented = set(re.findall(r"`(\w+)`", sentence))
    assert documented == set(RESTART_REQUIRED) <= set(ServerSettings.model_fields)


def test_the_tables_of_limits_are_the_generated_ones() -> None:
    page = text_of("docs/limits.md")
    assert limits_page.page(page) == page, "run `make configuration`"


def members_of_audit_lines() -> Iterator[str]:
    """Yield the names in each function `members`, and those in an example of each line."""
    for path in (ROOT / "service").rglob("*.py"):
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(each, ast.FunctionDef) and each.name == "members":
                pairs = (node.elts for node in ast.walk(each) if isinstance(node, ast.Tuple))
                first = (pair[0] for pair in pairs if len(pair) == 2)
                yield from (str(name.value) for name in first if isinstance(name, ast.Constant))
    for line in text_of("tests/presigning/kinds_of_lines.jsonl").splitlines():
        yield from json.loads(line)


def test_every_member_of_an_audit_line_is_documented() -> None:
    page = text_of("docs/audit.md")
    fields = page.partition("| fields of an `audit` line |")[2].partition("\n\n")[0]
    first = " ".join(line.split(" | ")[0] for line in fields.splitlines())
    documented = {*re.findall(r"`(\w+)`", first), "event"}
    assert documented == {*members_of_audit_lines(), "suppressed"}


def test_every_attribute_of_a_span_is_documented() -> None:
    modules = [path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py")]
    code = "".join(each for each in modules if "telemetry.spans" in each or "class Spans" in each)
    attributes = set(re.findall(r'"((?:error|http|presign|url)\.[a-z_.]+)"', code))
    traces = section("docs/metrics.md", "Traces")
    assert attributes == set(re.findall(r"`((?:error|http|presign|url)\.[a-z_.]+)`", traces))
    assert f"the last spans have {FLUSH_SECONDS:g} s" in traces


def test_every_variable_that_turns_traces_on_or_off_is_documented() -> None:
    code = (ROOT / "service/config/process.py").read_text(encoding="utf-8")
    traces = section("docs/metrics.md", "Traces")
    variables = set(re.findall(r'"(OTEL_\w+)"', code))
    assert variables == {each for each in variables if f"`{each}`" in traces} != set()


def test_the_policy_of_the_runbook_is_json() -> None:
    [block] = re.findall(r"```json\n(.*?)```", RUNBOOKS, re.DOTALL)
    [statement] = json.loads(block)["Statement"]
    assert statement["Effect"] == "Deny"
    assert set(statement["Condition"]) == {"StringLike", "DateLessThan"}
