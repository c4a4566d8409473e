"""Whatever is edited, a reload says what a start says, and keeps nothing that has changed."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import builders
from service.app.settings import Settings, load_again, load_settings
from service.errors import ConfigurationError, ConfigurationProblem
from service.presigning.snapshot import Snapshot
from tests.support.cloudfront import settings_with_cloudfront
from tests.support.factories import ADDRESS

State = dict[str, Any]  # what is written, by the keys of FIRST

ROLE: Final = "region: eu-west-1, role_arn: 'arn:aws:iam::111122223333:role/presign'"
STORE: Final = "endpoint_url: 'https://s.test', sts_endpoint_url: 'https://s.test'"
STATIC: Final = "region: eu-west-1, credentials: static"
BUCKETS: Final = (
    *(ROLE, STATIC, f"{ROLE}, {STORE}", f"{ROLE}, scoped_sessions: false"),
    *(f"{STATIC}, cloudfront: CLOUDFRONT", "region: '${REGION}', credentials: static"),
)
ALLOWED: Final = (
    *("allow: [download]", "allow: [upload]", "allow: [list], max_keys: 1000", "alow: [list]"),
    *("allow: [download], max_expires_in: 1h", "allow: [download], max_expires_in: 30d"),
    *("allow: [upload, credentials]", "allow: [upload, link], max_content_length: 1MiB"),
    *("allow: [download], networks: [10.0.0.0/8]", "allow: [list], only_if_tagged: {scan: ok}"),
)
PREFIXES: Final = ("a/", "b/", "{claim:/sub}/", "${PREFIX}", r"\x61/", "/a")
WHO: Final = (
    *(f"api_key: {name}, sha256: ['{at:064}']" for name in "abc" for at in range(3)),
    *("api_key: d, sha256: ['${DIGEST}']", "api_key: e, sha256: ['${file:digest}']"),
    *("issuer: cluster, subject: a", "issuer: other, subject: a", "issuer: cluster"),
    "issuer: cluster, subject: a, revoked_before: '2026-01-01T00:00:00Z'",
    "issuer: cluster, claims: {/groups: finance}, rate_limit: 5/minute",
)
ISSUER: Final = "{issuer: 'https://i.test', audience: AUDIENCE, jwks_url: 'https://i.test/keys'}"
AUDIENCES: Final = {"cluster": "a", "other": "b", "second": "a"}  # two may not have one
MORE: Final = (
    *("server: {default_expires_in: 600}", "server: {public_url: 'https://p.test'}"),
    *("sts: true", "bucket_defaults: {dual_stack: true}", "# &", "unsafe_anonymous_caller:"),
    *("unsafe_anonymous_caller: {grants: readers}", "unsafe_anonymous_caller: {grants: writers}"),
)


def grant(bucket: str, prefix: str, allowed: str) -> str:
    return f'{{bucket: {bucket}, prefix: "{prefix}", {allowed}}}'


def caller(who: str, grants: str, *, in_one_line: bool = True) -> str:
    if in_one_line:
        return f"- {{{who}, grants: {grants}}}\n"
    return f"- grants: {grants}\n  " + who.replace(", ", "\n  ") + "\n"


def issuer(name: str) -> str:
    return ISSUER.replace("AUDIENCE", AUDIENCES[name])


def one_of(*values: Any) -> Callable[[Any], st.SearchStrategy[Any]]:
    return lambda _: st.sampled_from(values)


GRANTS: Final = st.lists(
    st.builds(grant, *map(st.sampled_from, (("reports", "photos"), PREFIXES, ALLOWED))), max_size=2
).map(lambda its: f"[{', '.join(its)}]")
CALLER: Final = st.builds(
    caller, st.sampled_from(WHO), GRANTS | st.just("readers"), in_one_line=st.booleans()
)


@st.composite
def edited_list(draw: st.DrawFn, callers: list[str]) -> list[str]:
    """Return some of the callers, and perhaps a new one, in any order."""
    its = draw(st.permutations([*callers, draw(CALLER)]))
    return its[: draw(st.integers(0, len(its)))]


FIRST: Final[State] = {
    "reports": ROLE,
    "photos": f"{STATIC}, cloudfront: CLOUDFRONT",
    "issuers": ["cluster", "other"],
    "readers": f"[{grant('reports', 'r/', 'allow: [download]')}]",
    "own": [
        caller(WHO[0], f"[{grant('reports', 'a/', 'allow: [upload, credentials]')}]"),
        caller("api_key: d, sha256: ['${DIGEST}']", "readers"),
        caller("issuer: cluster, subject: a", "readers", in_one_line=False),
    ],
    "sales": [caller(WHO[4], f"[{grant('photos', '', 'allow: [download]')}]")],
    "tax": [],
    "more": [],
    "PREFIX": "p/",
    "REGION": "eu-west-1",
    "DIGEST": "8" * 64,
    "digest": "9" * 64,
}
EDITS: Final[Mapping[str, Callable[[Any], st.SearchStrategy[Any]]]] = {
    "reports": one_of(*BUCKETS),
    "photos": one_of(*BUCKETS, None),
    "issuers": lambda _: st.lists(st.sampled_from([*AUDIENCES]), unique=True),
    "readers": lambda _: GRANTS,
    **dict.fromkeys(("own", "sales", "tax"), edited_list),
    "more": lambda _: st.lists(st.sampled_from(MORE), max_size=2, unique=True),
    "PREFIX": one_of("p/", "q/", "/", None),
    "REGION": one_of("eu-west-1", "us-east-1"),
    "DIGEST": one_of("8" * 64, f"{1:064}", None),
    "digest": one_of("9" * 64, f"{1:064}", "none"),
}


@pytest.fixture(scope="module", name="directory")
def _directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configured")


def write(directory: Path, state: State) -> dict[str, str]:
    """Write the files, and return the variables of the environment."""
    cloudfront = json.dumps(settings_with_cloudfront(directory))
    buckets = {"reports": state["reports"], "photos": state["photos"]}
    lines = [
        *("buckets:", *(f"  {name}: {{{of}}}" for name, of in buckets.items() if of is not None)),
        *("issuers:", *(f"  {name}: {issuer(name)}" for name in state["issuers"])),
        f"grant_sets: {{readers: {state['readers']}}}",
        *("callers_dir: teams", *state["more"]),
    ]
    text = "\n".join(lines).replace("CLOUDFRONT", cloudfront)
    (directory / "presign.yaml").write_text(f"{text}\ncallers:\n{''.join(state['own'])}")
    (directory / "teams").mkdir(exist_ok=True)
    for name in ("sales", "tax"):
        callers = "".join(state[name])
        (directory / "teams" / f"{name}.yaml").write_text(f"callers:\n{callers}")
    (directory / "digest").write_text(state["digest"])
    return {name: state[name] for name in ("PREFIX", "REGION", "DIGEST") if state[name]}


def outcome(load: Callable[..., Settings], *args: Any) -> Settings | list[ConfigurationProblem]:
    try:
        return load(*args)
    except ConfigurationError as error:
        return [*error.problems]


def snapshot(settings: Settings, replacing: tuple[Settings, Snapshot] | None = None) -> Snapshot:
    addresses = dict.fromkeys(settings.buckets, ADDRESS)
    return builders.snapshot(settings, addresses, lambda: 0.0, None, replacing)


@given(data=st.data())
def test_a_reload_after_any_edits_is_as_a_start(directory: Path, data: st.DataObject) -> None:
    path, state = directory / "presign.yaml", FIRST
    with mock.patch.dict(os.environ, write(directory, state)):
        old = load_settings(path)
    before = snapshot(old)
    for _ in range(3):
        edited = dict(state)
        for name in data.draw(st.lists(st.sampled_from([*EDITS]), min_size=1, max_size=3)):
            edited[name] = data.draw(EDITS[name](edited[name]))
        with mock.patch.dict(os.environ, write(directory, edited)):
            whole, again = outcome(load_settings, path), outcome(load_again, path, old)
        assert again == whole
        if isinstance(again, Settings):
            after = snapshot(again, (old, before))
            assert after.callers == snapshot(again).callers
            state, old, before = edited, again, after  # else the old configuration stays
