"""No signature of ours is older than the age that `presign check` prints."""

import asyncio
import math
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Grant, Operation
from service.api.schemas import DownloadUrlRequest
from service.app import builders
from service.app.settings import Settings
from service.cli.check import report
from service.cli.check.buckets import signature_ages
from service.cli.check.protocols import CheckedProtocols
from service.errors import PresignError
from service.presigning.results import PresignedForm
from service.s3.client import _EXPIRES_IN
from service.sessions.lifetime import (
    GrantedLifetime,
    Lifetime,
    grant_lifetime,
    grant_stable_lifetime,
)
from service.sessions.signature_age import MAX_STABLE_FOR, longest_life, oldest, why_so_long
from service.sessions.url_windows import Window
from tests.support.authorizer import Harness, make_harness
from tests.support.examples import examples
from tests.support.factories import (
    ADDRESS,
    make_form_request,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.signed_urls import epoch_seconds, policy_of, validity_of
from tests.support.virtual_time import in_virtual_time

DAY: Final = 86_400
WEEK: Final = 604_800
DOWNLOADS: Final = frozenset({Operation.DOWNLOAD, Operation.FORM})
NO_DOWNLOADS: Final = frozenset({Operation.FORM, Operation.UPLOAD})


def life(*limits: int | None, allow: frozenset[Operation], session: float = 3600) -> int | None:
    return longest_life((make_grant(allow=allow, max_expires_in=each) for each in limits), session)


LONGEST: Final[dict[str, tuple[int | None, int | None]]] = {
    "no grants": (life(allow=DOWNLOADS), None),
    "the grant's limit": (life(900, allow=NO_DOWNLOADS), 900),
    "the grant's limit, with the window": (life(900, allow=DOWNLOADS), 900),
    "the longest of several grants": (life(60, 900, 300, allow=DOWNLOADS), 900),
    "the session's length without a limit": (life(None, allow=NO_DOWNLOADS), 3595),
    "no longer than the session": (life(WEEK, allow=NO_DOWNLOADS), 3595),
    "the session and a window before it": (life(WEEK, allow=DOWNLOADS), 7190),
    "both, up to the grant's limit": (life(5000, allow=DOWNLOADS), 5000),
    "static keys": (life(None, allow=DOWNLOADS, session=math.inf), WEEK),
}


@pytest.mark.parametrize(("found", "expected"), LONGEST.values(), ids=LONGEST)
def test_the_longest_life(found: int | None, expected: int | None) -> None:
    assert found == expected


def test_the_age_is_in_milliseconds_with_a_minute_of_slack() -> None:
    assert oldest(900) == 960_000


def test_the_services_own_calls_stay_below_the_age() -> None:
    assert oldest(1) >= _EXPIRES_IN * 1000


def test_the_longest_window_matches_openapi() -> None:
    schema = DownloadUrlRequest.model_json_schema()["properties"]["stable_for"]
    assert schema["maximum"] == MAX_STABLE_FOR == DAY


def test_the_longest_life_is_actually_granted() -> None:
    """Otherwise a policy would allow more than necessary."""
    asked: dict[str, Any] = {"default": 900, "granted": None, "session_seconds": 3600.0}
    longest = grant_lifetime(Lifetime(expires_in=WEEK), remaining=3600.0, **asked)
    assert isinstance(longest, GrantedLifetime)
    assert longest.expires_in == life(None, allow=NO_DOWNLOADS)
    window = Window(0, 3554)  # the longest for sessions of an hour; the session starts as it ends
    stable = grant_stable_lifetime(
        Lifetime(expires_in=WEEK - 3554, stable_for=3554), window, ends_at=3554 + 3600.0, **asked
    )
    assert isinstance(stable, GrantedLifetime)
    assert 7190 - 45 < stable.expires_in <= 7190 == life(None, allow=DOWNLOADS)


some_limits = st.none() | st.sampled_from([1, 60, 900, 5000, WEEK]) | st.integers(1, WEEK)
some_grants = st.builds(
    Grant,
    bucket=st.just("reports"),
    prefix=st.just(""),
    allow=st.sampled_from([DOWNLOADS, NO_DOWNLOADS, frozenset(Operation)]),
    max_expires_in=some_limits,
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "expires_in": st.sampled_from([1, 900, WEEK - DAY, WEEK]),
        "min_expires_in": st.just(1),
        "stable_for": st.sampled_from([1, 600, 1800, 3000, 3554, 40_000, DAY]),
    },
)


@examples(150)
@given(
    grants=st.lists(some_grants, min_size=1, max_size=3),
    session_seconds=st.sampled_from([900, 3600, 43_200]),
    longest_lifetime=st.sampled_from([60, 900, WEEK]),
    default=st.sampled_from([1, 900, WEEK]),
    steps=st.lists(st.tuples(st.floats(0, 4000), requests), min_size=1, max_size=6),
)
@in_virtual_time
async def test_no_url_or_form_lives_longer(
    *,
    grants: list[Grant],
    session_seconds: int,
    longest_lifetime: int,
    default: int,
    steps: list[tuple[float, dict[str, int]]],
) -> None:
    snapshot = make_snapshot(*grants, default_expires_in=default)
    harness = make_harness(
        snapshot, longest_lifetime=longest_lifetime, session_seconds=session_seconds
    )
    longest = longest_life(grants, session_seconds)
    assert longest is not None
    for pause, lifetime in steps:
        await asyncio.sleep(pause)
        for seconds in [
            await url_lifetime(harness, lifetime),
            await form_lifetime(harness, lifetime),
        ]:
            assert seconds <= longest
            assert seconds * 1000 < oldest(longest)


async def url_lifetime(harness: Harness, lifetime: dict[str, int]) -> int:
    """Return the seconds that it lives, or 0 if it is refused."""
    try:
        request = replace(make_request(), lifetime=Lifetime(**lifetime))
        answer = await harness.presign(request)
    except PresignError:
        return 0
    return validity_of(answer.url)[1]


async def form_lifetime(harness: Harness, lifetime: dict[str, int]) -> int:
    not_stable = {name: seconds for name, seconds in lifetime.items() if name != "stable_for"}
    request = make_form_request(lifetime=Lifetime(**not_stable))
    try:
        form = await harness.presign_form(request)
    except PresignError:
        return 0
    assert isinstance(form, PresignedForm)
    ends = policy_of(form)["expiration"].replace("-", "").replace(":", "")
    return epoch_seconds(ends) - epoch_seconds(form.fields["x-amz-date"])


def test_check_prints_the_age_for_each_granted_bucket() -> None:
    role_arn = "arn:aws:iam::111122223333:role/presign-reports"
    bucket = {"region": "eu-west-1", "role_arn": role_arn, "session_seconds": 900}
    grant = {"bucket": "reports", "allow": ["upload"]}
    grants = [{**grant, "prefix": "a/", "max_expires_in": 9}, {**grant, "prefix": "b/"}]
    buckets, anonymous = {"reports": bucket, "unused": bucket}, {"grants": grants}
    settings = Settings.model_validate({"buckets": buckets, "unsafe_anonymous_caller": anonymous})
    addresses, entries = dict.fromkeys(buckets, ADDRESS), builders.caller_entries(settings)
    protocols = CheckedProtocols(settings, addresses, entries)
    printed = "\n".join(report.describe(settings, addresses, entries, protocols))
    assert "bucket reports: URLs live 14 min 55 s at most: a session less 5 s\n" in printed
    assert "bucket unused: URLs live" not in printed
    [age] = signature_ages(settings, entries)
    assert age.startswith("bucket reports: its policy can deny older signatures: ")
    assert age.endswith('"NumericGreaterThan": {"s3:signatureAge": "955000"}')


@pytest.mark.parametrize(
    ("life", "session", "why"),
    [
        (3595, 3600, "a session less 5 s"),
        (7190, 3600, "a session less 5 s, after a window of `stable_for`"),
        (90_395, 43_205 + 100_800, ""),
        (900, 3600, ""),
        (604_800, math.inf, ""),
    ],
)
def test_a_life_that_no_grant_says_is_explained(life: int, session: float, why: str) -> None:
    assert why_so_long(life, session) == why
