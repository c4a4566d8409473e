"""What a pasted answer must not open, and what the trail and the memory must not keep."""

import math
from typing import Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import pytest

from service.sessions.history import History
from service.sessions.session import Session
from service.signing.sigv4 import Credentials
from tests.api.diagnosing import OTHER, a_desk, grants
from tests.support.virtual_time import FakeClock

SHARED: Final = {
    "region": "eu-west-1",
    "role_arn": "arn:aws:iam::111122223333:role/presign",
    "scoped_sessions": False,
}


def canonical(url: str) -> str:
    parts = urlsplit(url)
    query = parts.query.partition("&X-Amz-Signature")[0]
    text = f"GET\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    return f"<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>{escape(text)}</CanonicalRequest></Error>"


async def test_a_pasted_canonical_request_of_anothers_key_proves_nothing() -> None:
    """Callers may share a session; whether a signature is of a key is for those who may sign for it."""
    async with a_desk(grants("a/"), buckets={"demo": SHARED}) as desk:
        url = await desk.url(key="a/secret")
        answers = []
        for theirs in (url, url[:-1] + ("0" if url[-1] != "0" else "1")):
            told = {"headers": {}, "response_status": 403, "response_body": canonical(theirs)}
            own = theirs.replace("/a/secret?", "/b/x?")
            answers.append((await desk.ask(own, "GET", OTHER, **told)).text)
        assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "query",
    [
        "Signature=vjbyPxybdZaNmGa&Expires=1&AWSAccessKeyId=AKIA",
        "Policy=vjbyPxybdZaNmGa&Signature=vjbyPxybdZaNmGa&Key-Pair-Id=K",
        "X%252DAmz%252DSignature=vjbyPxybdZaNmGa",
        "X-Goog-Signature=vjbyPxybdZaNmGa",
        "sv=2026-02-06&sp=r&sig=vjbyPxybdZaNmGa",
        "sv=2026-02-06%2526sig%253DvjbyPxybdZaNmGa",
        "Expires=1%26amp;Signature=vjbyPxybdZaNmGa",
        "Expires=1;Signature=vjbyPxybdZaNmGa",
    ],
)
async def test_the_trail_holds_no_signature_of_another_kind(query: str) -> None:
    async with a_desk(grants("a/")) as desk:
        await desk.url()
        await desk.ask(f"https://demo.s3.example/a/b%3F{query}")
        assert desk.line["keys"][0].startswith("a/b")
        assert "vjbyPxybdZaNmGa" not in str(desk.line)


def session(key_id: str, ends: float) -> Session:
    credentials = Credentials(access_key_id=key_id, secret_access_key="s" * 40)
    return Session(credentials=credentials, name="n", starts_at=0, expires_at=ends)


def test_a_session_is_let_go_in_time_behind_one_that_never_ends() -> None:
    clock = FakeClock()
    begun = clock.wall()
    history = History(clock)
    history.remember("b", None, session("AKIA", math.inf))
    history.remember("b", None, session("ASIA", begun + 3600))
    clock.move(3600 + 86_401)
    history.remember("b", None, session("NEW", clock.wall() + 3600))
    clock.move(-86_401)  # what is held would be found again
    assert history.find("ASIA", "b", None) is None
    assert history.find("AKIA", "b", None) is not None
