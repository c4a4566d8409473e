"""No signature that the service gives is ever denied by the age that `presign check` prints."""

import asyncio
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Grant, Operation
from service.api.schemas import DownloadUrlRequest
from service.cli.main import main
from service.errors import PresignError
from service.presigning.results import PresignedForm
from service.s3.client import _EXPIRES_IN
from service.sessions.lifetime import (
    GrantedLifetime,
    Lifetime,
    grant_lifetime,
    grant_stable_lifetime,
)
from service.sessions.signature_age import MAX_STABLE_FOR, longest_life, oldest
from service.sessions.url_windows import Window
from tests.presigning.house import (
    House,
    a_form_ask,
    a_house,
    an_ask,
    epoch,
    policy,
    times,
)
from tests.signing.strategies import examples
from tests.support.fakes import (
    REQUESTER,
    a_grant,
    a_snapshot,
    in_virtual_time,
)

DAY: Final = 86_400
WEEK: Final = 604_800
DOWNLOADS: Final = frozenset({Operation.DOWNLOAD, Operation.FORM})
NO_DOWNLOADS: Final = frozenset({Operation.FORM, Operation.UPLOAD})


def life(*limits: int | None, allow: frozenset[Operation], session: float = 3600) -> int | None:
    return longest_life((a_grant(allow=allow, max_expires_in=each) for each in limits), session)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(life(allow=DOWNLOADS), None, id="nobody may do anything"),
        pytest.param(life(900, allow=NO_DOWNLOADS), 900, id="what is granted"),
        pytest.param(life(900, allow=DOWNLOADS), 900, id="what is granted, the window included"),
        pytest.param(life(60, 900, 300, allow=DOWNLOADS), 900, id="the longest that is granted"),
        pytest.param(life(900, None, allow=NO_DOWNLOADS), 3595, id="no limit: the session's"),
        pytest.param(life(WEEK, allow=NO_DOWNLOADS), 3595, id="no longer than the session"),
        pytest.param(life(WEEK, allow=DOWNLOADS), 7190, id="the session, and a window before it"),
        pytest.param(life(5000, allow=DOWNLOADS), 5000, id="both, as far as is granted"),
        pytest.param(life(None, allow=DOWNLOADS, session=math.inf), WEEK, id="keys without an end"),
    ],
)
def test_the_longest_life_is(found: object, expected: object) -> None:
    assert found == expected


def test_the_age_is_in_milliseconds_and_has_a_minute_to_spare() -> None:
    assert oldest(900) == 960_000


def test_the_services_own_calls_are_younger_than_any_age() -> None:
    assert oldest(1) >= _EXPIRES_IN * 1000


def test_the_longest_window_is_the_contracts() -> None:
    schema = DownloadUrlRequest.model_json_schema()["properties"]["stable_for"]
    assert schema["maximum"] == MAX_STABLE_FOR == DAY


def test_the_longest_life_is_one_that_is_given() -> None:
    """Or a policy would let pass what nobody has been promised."""
    asked: dict[str, Any] = {"default": 900, "granted": None, "session_seconds": 3600.0}
    longest = grant_lifetime(Lifetime(expires_in=WEEK), remaining=3600.0, **asked)
    assert isinstance(longest, GrantedLifetime)
    assert longest.expires_in == life(None, allow=NO_DOWNLOADS)
    window = Window(0, 3554)  # the longest in a session of an hour, which begins as the window ends
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
asks = st.fixed_dictionaries(
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
    steps=st.lists(st.tuples(st.floats(0, 4000), asks), min_size=1, max_size=6),
)
@in_virtual_time
async def test_no_url_and_no_form_lives_longer_than_is_said(
    *,
    grants: list[Grant],
    session_seconds: int,
    longest_lifetime: int,
    default: int,
    steps: list[tuple[float, dict[str, int]]],
) -> None:
    snapshot = a_snapshot(*grants, default_expires_in=default)
    house = a_house(snapshot, longest_lifetime=longest_lifetime, session_seconds=session_seconds)
    said = longest_life(grants, session_seconds)
    assert said is not None
    for pause, ask in steps:
        await asyncio.sleep(pause)
        for lives in [await a_url(house, ask), await a_form(house, ask)]:
            assert lives <= said
            assert lives * 1000 < oldest(said)


async def a_url(house: House, ask: dict[str, int]) -> int:
    """The seconds that it lives; none, where it is refused."""
    try:
        asked = replace(an_ask(), lifetime=Lifetime(**ask))
        answer = await house.presigner.presign(REQUESTER, asked)
    except PresignError:
        return 0
    return times(answer.url)[1]


async def a_form(house: House, ask: dict[str, int]) -> int:
    asked = {name: seconds for name, seconds in ask.items() if name != "stable_for"}
    lifetime = Lifetime(**asked)
    try:
        form = await house.presigner.presign_form(REQUESTER, a_form_ask(lifetime=lifetime))
    except PresignError:
        return 0
    assert isinstance(form, PresignedForm)
    ends = policy(form)["expiration"].replace("-", "").replace(":", "")
    return epoch(ends) - epoch(form.fields["x-amz-date"])


# presign check


def checked(directory: Path, **bucket: Any) -> str:
    settings = {
        "buckets": {
            "reports": {
                "region": "eu-west-1",
                "role_arn": "arn:aws:iam::111122223333:role/presign-reports",
                **bucket,
            },
            "unused": {"region": "eu-west-1", "credentials": "static"},
        },
        "callers": [
            {
                "api_key": "billing",
                "sha256": ["725acb2ebe612bb4e761d87deb9114d9f50b1efc78cbc8c953cb25f1b2dbf755"],
                "grants": [
                    {"bucket": "reports", "prefix": "a/", "allow": ["upload"], "max_expires_in": 9},
                    {"bucket": "reports", "prefix": "b/", "allow": ["upload"]},
                ],
            }
        ],
    }
    path = directory / "presign.yaml"
    path.write_text(json.dumps(settings))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_check_prints_the_age_of_each_bucket_that_is_granted_as_a_condition(tmp_path: Path) -> None:
    told = checked(tmp_path, session_seconds=900)
    assert "bucket reports: what it signs lives for 895 s at most" in told
    [condition] = re.findall(r'"NumericGreaterThan": {.*}', told)
    assert json.loads(f"{{{condition}}}") == {"NumericGreaterThan": {"s3:signatureAge": "955000"}}
    assert "bucket unused: what it signs" not in told


def test_keys_without_an_end_sign_for_a_week(tmp_path: Path) -> None:
    told = checked(tmp_path, credentials="static", role_arn=None)
    assert '"s3:signatureAge": "604860000"' in told
