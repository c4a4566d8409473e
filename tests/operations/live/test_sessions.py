"""Whether roles can be assumed, and whether the clock is right."""

import pytest

from service.operations.live.dependencies import check_clock, open_session
from service.sessions.source import SessionRefused
from tests.support.factories import SECRET, TOKEN
from tests.support.pool import FakeSource
from tests.support.virtual_time import in_virtual_time, loop_clock

AT = ("buckets", "reports")


@in_virtual_time
async def test_a_role_is_assumed_with_and_without_a_policy() -> None:
    source = FakeSource(loop_clock())

    session, [result] = await open_session(source, AT, "{}")

    assert session is source.sessions[-1]
    assert source.policies == ["{}", None]
    assert (result.kind, result.path) == ("works", AT)
    assert result.message == "the role can be assumed, for 3600 s"


@in_virtual_time
async def test_a_wrong_trust_policy_is_an_error_with_advice() -> None:
    source = FakeSource(loop_clock())
    source.error = SessionRefused("ClientError: AccessDenied", denied=True)

    session, [result] = await open_session(source, AT, None)

    assert session is None
    assert result.kind == "error"
    assert result.message == (
        "there is no session: ClientError: AccessDenied; compare its trust policy with what "
        "`presign iam` prints"
    )


@in_virtual_time
async def test_an_sts_without_session_policies_is_an_error() -> None:
    source = FakeSource(loop_clock())
    source.error = SessionRefused("ClientError: MalformedPolicyDocument", permanent=True)

    session, [result] = await open_session(source, AT, "{}")

    assert (session, result.kind) == (None, "error")
    assert SECRET not in repr(result)
    assert TOKEN not in repr(result)


@pytest.mark.parametrize(
    ("ahead", "kind", "message"),
    [
        (0.0, "works", "the clock agrees with those of STS and the stores"),
        (-59.0, "works", "the clock agrees"),
        (600.0, "error", "the clock is 600 s ahead of that of STS or a store; correct it"),
        (-600.0, "error", "the clock is 600 s behind that of STS or a store; correct it"),
    ],
)
def test_a_clock_may_be_a_minute_wrong(ahead: float, kind: str, message: str) -> None:
    result = check_clock(ahead)
    assert result.kind == kind
    assert result.message.startswith(message)
