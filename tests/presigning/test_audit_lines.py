"""What the lines of the audit trail say, and that none is longer than a log collector takes."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.access.callers import Identity
from service.access.grants import Caller
from service.errors import (
    CreateOnlyUnsupported,
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.presigning.audit import Outcome, audit_lines
from service.presigning.requests import Requester
from service.presigning.results import PresignedForm, PresignedRequest
from service.sessions.lifetime import GrantedLifetime, Validity
from service.sessions.session import Session
from service.signing.actions import Action, DeleteObject, GetObject, HeadObject, ListObjects
from tests.support.examples import examples
from tests.support.factories import (
    REQUESTER,
    SECRET,
    TOKEN,
    UPLOAD,
    make_credentials,
    make_form_request,
    make_request,
)
from tests.support.virtual_time import CLOCK_START

Answer = PresignedRequest | PresignError

SIGNATURE: Final = "5e17ab1e" * 8
FIFTEEN_KIB: Final = 15 * 1024
REFUSALS: Final[list[PresignError]] = [
    Forbidden(),
    InvalidRequest("Such a key cannot be had.", pointer="#/key"),
    LimitExceeded("Your grant allows at most 5 bytes.", pointer="#/content_length"),
    LifetimeUnavailable("Never.", pointer="#/min_expires_in"),
    CreateOnlyUnsupported("Not here.", pointer="#/overwrite"),
    CredentialsUnavailable("Not now.", retry_after=3),
]
ACTIONS: Final = [
    (GetObject(), "download"),
    (HeadObject(), "head"),
    (DeleteObject(), "delete"),
    (UPLOAD, "upload"),
    (ListObjects(prefix="a/b"), "list"),
]


def make_validity(expires_in: int = 900) -> Validity:
    return Validity(int(CLOCK_START), GrantedLifetime(expires_in, None))


def make_session() -> Session:
    return Session(
        credentials=make_credentials(), name="billing-0123456789ab", starts_at=CLOCK_START
    )


def make_result(expires_in: int = 900) -> PresignedRequest:
    url = f"https://h/a?X-Amz-Security-Token={TOKEN}&X-Amz-Signature={SIGNATURE}"
    validity, session = make_validity(expires_in), make_session()
    return PresignedRequest(method="GET", url=url, headers={}, validity=validity, signed_by=session)


def lines_of(
    *outcomes: Outcome, requester: Requester = REQUESTER, time: float = CLOCK_START
) -> list[bytes]:
    return audit_lines(requester, outcomes, s3_buckets={"reports": "acme-reports"}, time=time)


def line_of(outcome: Outcome, **more: Any) -> dict[str, Any]:
    [line] = lines_of(outcome, **more)
    members: dict[str, Any] = json.loads(line)
    return members


def test_the_one_line_of_an_ordinary_request() -> None:
    assert line_of((make_request(), "a/b", make_result())) == {
        "event": "audit",
        "time": "2026-01-01T00:00:00.000Z",
        "request_id": "request-1",
        "subject": "billing",
        "client": "192.0.2.1",
        "operation": "download",
        "bucket": "reports",
        "s3_bucket": "acme-reports",
        "keys": ["a/b"],
        "decision": "allowed",
        "expires_in": 900,
        "session_name": "billing-0123456789ab",
        "access_key_id": "ASIAFAKE000000000000",
        "part": 1,
        "parts": 1,
    }


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.code)
def test_a_refusal_has_its_code_and_no_lifetime_or_session(refusal: PresignError) -> None:
    line = line_of((make_request(), "a/b", refusal))
    assert (line["decision"], line["reason"]) == ("denied", refusal.code)
    assert line.keys().isdisjoint({"expires_in", "session_name", "access_key_id"})
    assert refusal.detail not in json.dumps(line)


def test_a_line_has_the_requested_and_the_granted_lifetime() -> None:
    line = line_of((make_request(expires_in=3600), "a/b", make_result(60)))
    assert (line["expires_in_asked"], line["expires_in"]) == (3600, 60)
    refused = line_of((make_request(expires_in=3600), "a/b", Forbidden()))
    assert (refused["expires_in_asked"], "expires_in" in refused) == (3600, False)


@pytest.mark.parametrize(("action", "operation"), ACTIONS, ids=[name for _, name in ACTIONS])
def test_an_operation_has_its_name_in_grants(action: Action, operation: str) -> None:
    line = line_of((make_request(action), "a/b", make_result()))
    assert (line["operation"], line["keys"]) == (operation, ["a/b"])


def test_the_line_of_a_form_has_its_final_key() -> None:
    key = "in/id1/${filename}"
    fields = {"policy": "e30=", "x-amz-signature": SIGNATURE, "x-amz-security-token": TOKEN}
    answer = PresignedForm(
        url="https://h/", key=key, fields=fields, validity=make_validity(), signed_by=make_session()
    )
    line = line_of((make_form_request(key_prefix="in/"), key, answer))
    assert (line["operation"], line["keys"]) == ("form", [key])
    assert not any(secret in json.dumps(line) for secret in (SIGNATURE, TOKEN, SECRET))


def test_token_callers_have_an_issuer_and_api_keys_have_none() -> None:
    caller = Caller(issuer="cluster-a", subject="system:serviceaccount:billing:api")
    identity = Identity(caller, {"jti": "claim-of-the-token"})
    requester = replace(REQUESTER, identity=identity)
    line = line_of((make_request(), "a/b", make_result()), requester=requester)
    assert (line["issuer"], line["subject"]) == (caller.issuer, caller.subject)
    assert "claim-of-the-token" not in json.dumps(line)


def test_what_is_not_known_is_absent_and_never_null() -> None:
    requester = replace(REQUESTER, client=None)
    line = line_of((make_request(bucket="none"), "a/b", Forbidden()), requester=requester)
    assert line.keys().isdisjoint({"client", "issuer", "s3_bucket", "expires_in_asked"})
    assert None not in line.values()
    assert line["bucket"] == "none"


def test_no_line_holds_a_signature_a_token_or_a_secret() -> None:
    [line] = lines_of((make_request(), "a/b", make_result()))
    for secret in (SIGNATURE, TOKEN, SECRET, "X-Amz", "https://"):
        assert secret.encode() not in line


def test_a_batch_has_a_line_for_each_decision() -> None:
    answers: list[tuple[str, Answer]] = [
        *(("1", make_result()), ("2", Forbidden()), ("3", make_result())),
        *(("4", make_result(60)), ("1", make_result())),  # a key may come twice
    ]
    lines = [json.loads(line) for line in lines_of(*((make_request(), k, a) for k, a in answers))]
    found = [(line["decision"], line.get("expires_in"), line["keys"]) for line in lines]
    assert found == [
        ("allowed", 900, ["1", "3", "1"]),
        ("denied", None, ["2"]),
        ("allowed", 60, ["4"]),
    ]
    of_one_request(lines)


@pytest.mark.parametrize(
    ("length", "kept"), [(1023, 1023), (1024, 1024), (1025, 1024), (60_000, 1024)]
)
def test_a_key_longer_than_any_key_is_cut(length: int, kept: int) -> None:
    line = line_of((make_request(), "k" * length, InvalidRequest("Too long.", pointer="#/key")))
    assert line["keys"] == ["k" * kept]


@examples(200)
@given(st.floats(0, 4e9))
@example(CLOCK_START + 0.999_999)
def test_times_are_rfc_3339_to_the_millisecond(seconds: float) -> None:
    shown = line_of((make_request(), "a/b", make_result()), time=seconds)["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown)
    told = datetime.strptime(shown, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert -1e-6 < seconds - told.timestamp() < 0.001 + 1e-6


# Characters that take one byte of JSON, up to six.
_PIECES: Final = st.text(
    st.sampled_from('ab/"\\\x00\x1f\x7f\u00e9\u65e5\U0001f600\u2028')
    | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=20,
)
_LENGTHS: Final = st.integers(1, 1024) | st.just(1024)


@st.composite
def many_keys(draw: st.DrawFn) -> list[str]:
    """Up to a thousand, of a few kinds that take turns: to draw each would take too long."""
    kinds = draw(st.lists(st.tuples(_PIECES, _LENGTHS), min_size=1, max_size=5))
    number = draw(st.integers(1, 1000) | st.integers(1, 20))
    turns = (kinds[i % len(kinds)] for i in range(number))
    return [f"{i}{piece * length}"[:length] for i, (piece, length) in enumerate(turns)]


@examples(100)
@given(many_keys(), st.integers(1, 4))
@example(["\x01" * 1024] * 1000, 1)
@example(["k"] * 1000, 4)
def test_lines_of_many_keys_fit_and_name_each_key_once(keys: list[str], decisions: int) -> None:
    kinds: list[Answer] = [make_result(), Forbidden(), make_result(60), LimitExceeded("Less.")]
    answers = kinds[:decisions]
    outcomes: list[Outcome] = [
        (make_request(), k, answers[i % decisions]) for i, k in enumerate(keys)
    ]
    lines = lines_of(*outcomes)
    for line in lines:
        assert len(line) <= FIFTEEN_KIB
        assert line.index(b"\n") == len(line) - 1
    parsed = [json.loads(line) for line in lines]
    of_one_request(parsed)
    for i in range(min(decisions, len(keys))):
        answer, all_of_them = answers[i], keys[i::decisions]
        told = told_with(answer, parsed)
        if isinstance(answer, PresignError):
            begins = zip(told, all_of_them[:10], strict=True)
            assert all(key.startswith(begin) and len(begin) >= 1 for begin, key in begins)
            assert count_of(answer, parsed) == len(all_of_them)
        else:
            assert told == all_of_them


def of_one_request(lines: Sequence[dict[str, Any]]) -> None:
    assert [line["part"] for line in lines] == list(range(1, len(lines) + 1))
    assert {line["parts"] for line in lines} == {len(lines)}
    assert {line["request_id"] for line in lines} == {"request-1"}
    assert {line["time"] for line in lines} == {"2026-01-01T00:00:00.000Z"}


def told_with(answer: Answer, lines: Sequence[dict[str, Any]]) -> list[str]:
    """The keys of all parts that tell this decision, in order."""
    wanted = (
        ("denied", answer.code, None)
        if isinstance(answer, PresignError)
        else ("allowed", None, answer.validity.expires_in)
    )
    return [
        key
        for line in lines
        if (line["decision"], line.get("reason"), line.get("expires_in")) == wanted
        for key in line["keys"]
    ]


def count_of(refusal: PresignError, lines: Sequence[dict[str, Any]]) -> int:
    """The number of keys in the one line of a refusal."""
    [line] = [line for line in lines if line.get("reason") == refusal.code]
    count: int = line.get("keys_count", len(line["keys"]))
    return count


def test_what_fits_in_one_line_is_not_split() -> None:
    longest = 0
    for length in range(1, 1025):
        keys = ["k" * 1000] * 14 + ["k" * length]
        lines = lines_of(*((make_request(), key, make_result()) for key in keys))
        longest = max(longest, len(lines[0])) if len(lines) == 1 else longest
        assert all(len(line) <= FIFTEEN_KIB for line in lines)
    assert FIFTEEN_KIB - 10 < longest <= FIFTEEN_KIB  # the parts' numbers may take six bytes more


def test_the_widest_request_with_one_longest_key_fits() -> None:
    """Nothing but keys can be split, so all else together must leave a key its room."""
    caller = Caller(issuer="i" * 63, subject="\U0001f600" * 255)
    asker = Requester(Identity(caller), "r" * 128, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")
    request = make_request(bucket="\x01" * 255, key="", expires_in=604_800)
    outcomes: list[Outcome] = [(request, "\x01" * 2000, Forbidden())] * 1000
    buckets = {request.bucket: "b" * 255}
    lines = audit_lines(asker, outcomes, s3_buckets=buckets, time=CLOCK_START)
    assert max(len(line) for line in lines) <= FIFTEEN_KIB
