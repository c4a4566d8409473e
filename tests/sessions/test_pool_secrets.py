"""No log record and no repr shows a secret."""

import asyncio
import logging

import pytest
from botocore.parsers import create_parser

from service.errors import CredentialsUnavailable
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.sessions.source import Role
from service.sessions.sts import AssumedRole
from service.signing.signer import Signer
from tests.support.factories import ADDRESS, SECRET, TOKEN
from tests.support.observers import NullObserver
from tests.support.pool import BILLING, LONGEST_LIFETIME, OWN, make_pool_harness
from tests.support.virtual_time import in_virtual_time, loop_clock


@in_virtual_time
async def test_no_log_record_and_no_repr_shows_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    harness = make_pool_harness()
    signing = await harness.pool.ready(BILLING)
    assert isinstance(signing.signer, Signer)
    signing.signer.state("20260101")
    harness.source.error = OSError(f"no route for {SECRET}")
    await asyncio.sleep(3600)
    shown = f"{caplog.text} {signing!r} {signing.session!r} {signing.signer!r} {harness.pool!r}"
    assert "next attempt in 1 s: OSError" in shown
    assert "ASIAFAKE" in shown
    assert SECRET not in shown
    assert TOKEN not in shown


class UnreadableSts:
    """Its answer is cut or has something added, so that botocore quotes all of it in an error."""

    async def assume_role(self, **_: object) -> object:
        body = f"<a><SecretAccessKey>{SECRET}</SecretAccessKey></a><junk/>".encode()
        return create_parser("query").parse({"headers": {}, "body": body, "status_code": 200}, None)


@in_virtual_time
async def test_unreadable_responses_are_logged_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    role = Role(arn="arn:aws:iam::111122223333:role/r", region="eu-west-1", session_seconds=3600)
    source = AssumedRole(UnreadableSts(), role, loop_clock())
    bucket = BucketSessions(source=source, address=ADDRESS, longest_lifetime=LONGEST_LIFETIME)
    pool = SessionPool(
        {"reports": bucket}, clock=loop_clock(), jitter=lambda: 0, observer=NullObserver()
    )
    with pytest.raises(CredentialsUnavailable):
        await pool.ready(OWN)
    assert "no new session presign for bucket reports" in caplog.text
    assert SECRET not in caplog.text
