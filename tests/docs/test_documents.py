"""The tests, files, settings and numbers that the pages name exist."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from service.api.body import MAX_BATCH_BYTES, MAX_BODY_BYTES
from service.api.discarding import MAX_DISCARDED_BYTES
from service.api.limits import BATCH_SLOTS, MAX_REFUSAL_SECONDS
from service.app.reload import POLL_SECONDS, RESTART_REQUIRED
from service.auth.jwks_cache import REFRESH_SECONDS, RETRY_SECONDS, STALE_SECONDS
from service.config.server import ServerSettings
from service.config.settings import Settings
from service.diagnosis.request import (
    MAX_BODY_LENGTH,
    MAX_HEADERS,
    MAX_HEADERS_LENGTH,
    MAX_URL_LENGTH,
)
from service.diagnosis.signature_proof import MAX_TRIED
from service.multipart.completion import COMPLETE_SECONDS
from service.presigning.audit import _Decision
from service.presigning.rate_limits import PAUSE_SECONDS, STORE_SECONDS
from service.presigning.rate_limits import SLOT_WAIT_SECONDS as TURN_AT_RATE_STORE
from service.presigning.rate_windows import MAX_COUNTS
from service.s3.client import (
    ATTEMPTS,
    CALL_SECONDS,
    CALLS,
    CALLS_A_BUCKET,
    COMPLETIONS,
    COMPLETIONS_A_BUCKET,
    MAX_ANSWER_BYTES,
    MAX_CHUNKS,
    MAX_LIST_BYTES,
    SLOT_WAIT_SECONDS,
)
from service.server.limits import ConnectionLimits
from service.server.run import FINISH_SECONDS, KEEP_ALIVE_SECONDS
from service.sessions.attempts import ATTEMPT_SECONDS, MAX_IN_FLIGHT, MAX_IN_FLIGHT_A_BUCKET
from service.sessions.history import MAX_REMEMBERED, REMEMBERED_SECONDS
from service.sessions.pool import MAX_SESSIONS
from service.telemetry.logs import MALFORMED_LINES
from service.telemetry.metrics import Metrics
from tests.docs.documents import PAGES, blocks, text_of
from tests.end_to_end.mutations import CASES
from tests.support.app import make_app_settings, make_open_grant, run_app

ROOT: Final = Path(__file__).parents[2]
SECURITY: Final = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def rows() -> Iterator[tuple[str, str]]:
    """Yield each threat of the table, with the cell of its tests."""
    for line in SECURITY.splitlines():
        if line.startswith("| ") and not line.startswith(("| threat", "| ---")):
            threat, _, tests = line.strip("| ").split(" | ")
            yield threat, tests


@pytest.mark.parametrize(("path", "name"), sorted(set(_TEST.findall(SECURITY))))
def test_every_test_in_the_threat_table_exists(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(ROOT / path)


def test_every_threat_has_a_test() -> None:
    assert len(list(rows())) > 20
    assert [threat for threat, tests in rows() if not _TEST.search(tests)] == []


def test_every_test_name_is_checked() -> None:
    assert SECURITY.count("::test") == len(_TEST.findall(SECURITY))


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_resolve(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def headings(path: Path) -> set[str]:
    """Return the anchors of the headings."""
    text = re.sub(
        r"^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES)
def test_links_to_headings_resolve(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text(encoding="utf-8"))
    assert [
        f"{file}#{heading}"
        for file, heading in links
        if heading not in headings(path.parent / file if file else path)
    ] == []


def configurations() -> list[Any]:
    """Return the complete configurations; single sections are checked by the tests of their
    pages.
    """
    shown = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]
    texts = [block.text for block in shown if "buckets:" in block.text]
    read = [each for text in texts for each in YAML(typ="safe").load_all(text)]
    return [each for each in read if isinstance(each, dict) and "buckets" in each]


def test_configurations_on_the_pages_are_valid() -> None:
    assert len(configurations()) >= 3
    for configuration in configurations():
        for issuer in configuration.get("issuers", {}).values():
            issuer.pop("ca_file", None)  # exists only in a cluster
        assert Settings.model_validate(configuration).buckets


def test_the_readme_links_every_page() -> None:
    led = set(re.findall(r"\]\((docs/[\w-]+\.md)", text_of("README.md")))
    assert {page for page in PAGES if page.startswith("docs/")} <= led


def test_the_readme_has_the_number_of_mutations() -> None:
    assert f"each of {len(CASES)} mutations" in text_of("README.md")


# docs/operations.md


def cells(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading."""
    section = OPERATIONS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = re.search(r"^\|.*?(?=\n(?!\|))", section, re.MULTILINE | re.DOTALL)
    assert table is not None
    rows = [line.strip("|").split("|") for line in table[0].splitlines()[2:]]
    return [[cell.strip() for cell in row] for row in rows]


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
    documented = {
        row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in cells("Metrics")
    }
    assert set(documented) == set(await kinds())
    assert documented == {name: labels()[family(name)] - {"le"} for name in documented}


async def test_every_named_metric_exists() -> None:
    known = await kinds()
    ends = {f"{name}_{end}" for name, kind in known.items() if kind == "histogram" for end in ENDS}
    assert set(re.findall(r"presign_\w+", OPERATIONS)) - set(known) - ends == set()


ENDS: Final = ("bucket", "count", "sum")


def test_the_settings_that_need_a_restart_match_the_code() -> None:
    sentence = OPERATIONS.partition("next start only:")[2].partition(". ")[0]
    assert (
        set(re.findall(r"`(\w+)`", sentence))
        == set(RESTART_REQUIRED)
        <= set(ServerSettings.model_fields)
    )


def test_the_numbers_on_the_page_match_the_code() -> None:
    bounds = ConnectionLimits()
    documented = {row[0]: row[1] for row in cells("Bounds")}
    assert documented == {
        "head": f"{bounds.head_seconds:g} s, {bounds.head_bytes // 1024} KiB",
        "body": f"{bounds.body_seconds:g} s; {MAX_BODY_BYTES // 1024} KiB, "
        f"of a batch or a list of parts {MAX_BATCH_BYTES // 1024**2} MiB",
        "a body that nothing needs": f"what comes within {2 * bounds.linger_seconds:g} s after the "
        f"response, or {bounds.linger_seconds:g} s if that has `Connection: close`",
        "such a body before a redirect": f"{MAX_DISCARDED_BYTES // 1024**2} MiB; a longer one, or one "
        "without a length, is read after the response only",
        "an answer that the client does not read": f"{bounds.write_seconds:g} s",
        "an idle connection": f"{KEEP_ALIVE_SECONDS} s",
        "requests in progress": f"`max_in_flight`, {default('max_in_flight')}",
        "requests of one caller in progress": "as many as are free: one caller alone gets half of "
        "`max_in_flight`, a second one a quarter",
        "bodies being received": "half of `max_in_flight`, shared in the same way",
        "batches being signed": f"{BATCH_SLOTS}; more wait, callers alternate, and a quarter of "
        "`max_in_flight` may wait, shared in the same way",
        "a diagnosis": f"a URL of {MAX_URL_LENGTH:,} characters, {MAX_HEADERS} headers of "
        f"{MAX_HEADERS_LENGTH:,} together, an answer of {MAX_BODY_LENGTH:,}; {MAX_TRIED} requests tried",
        "sessions remembered for diagnoses": f"{MAX_REMEMBERED:,}, for a day after their end",
        "waiting for a first session": f"{ATTEMPT_SECONDS:g} s",
        "calls to STS in progress": f"{MAX_IN_FLIGHT}; per bucket, "
        f"{MAX_IN_FLIGHT_A_BUCKET} and that of its own session",
        "requests that wait for one bucket's STS, one bucket's store, or issuers": "each a quarter of "
        "`max_in_flight`, together three quarters",
        "calls to stores in progress": f"{CALLS}; per bucket, {CALLS_A_BUCKET} and "
        f"{COMPLETIONS_A_BUCKET} completions; {COMPLETIONS} completions in all; "
        f"each waits {SLOT_WAIT_SECONDS:g} s for a slot",
        "a call to a store": f"{CALL_SECONDS:g} s, {ATTEMPTS} attempts of "
        f"{CALL_SECONDS / ATTEMPTS:g} s; a completion {COMPLETE_SECONDS:g} s",
        "a store's answer": f"{MAX_ANSWER_BYTES // 1024} KiB, of a list "
        f"{MAX_LIST_BYTES // 1024**2} MiB; {MAX_CHUNKS:,} pieces",
    }
    assert f"At most {MAX_SESSIONS:,} in all" in OPERATIONS
    assert f"`drain_seconds` + {FINISH_SECONDS} + 5 for the rest" in OPERATIONS
    assert f"that is {default('drain_seconds') + FINISH_SECONDS + 5:g}, and" in OPERATIONS
    assert f"has {STORE_SECONDS:g} s for an answer" in OPERATIONS
    assert f"waits {TURN_AT_RATE_STORE:g} s for its turn" in OPERATIONS
    assert f"In memory {MAX_COUNTS:,} callers" in OPERATIONS
    assert f"left alone for {PAUSE_SECONDS:g} s" in OPERATIONS
    assert f"as `Retry-After` said and {MAX_REFUSAL_SECONDS:g} s at most" in " ".join(
        OPERATIONS.split()
    )
    assert MALFORMED_LINES == 10
    assert REMEMBERED_SECONDS == 24 * 3600
    assert POLL_SECONDS == 2
    assert (REFRESH_SECONDS, RETRY_SECONDS, STALE_SECONDS) == (600, 30, 24 * 3600)


def default(setting: str) -> Any:
    return ServerSettings.model_fields[setting].default


def test_every_field_of_an_audit_line_is_documented() -> None:
    section = OPERATIONS.partition("| fields of an `audit` line |")[2].partition("\n\n")[0]
    first = " ".join(line.split(" | ")[0] for line in section.splitlines())
    outside = {
        "event",
        "time",
        "request_id",
        "issuer",
        "subject",
        "client",
        "keys",
        "keys_count",
        "route",
        "suppressed",
        "part",
        "parts",
    }
    assert set(re.findall(r"`(\w+)`", first)) | {"event"} == set(_Decision._fields) | outside


def test_the_policy_of_the_runbook_is_json() -> None:
    [block] = re.findall(r"```json\n(.*?)```", OPERATIONS, re.DOTALL)
    [statement] = json.loads(block)["Statement"]
    assert statement["Effect"] == "Deny"
    assert set(statement["Condition"]) == {"StringLike", "DateLessThan"}
