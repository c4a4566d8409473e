"""When the URL held, and whose clock says so: S3's own where it tells the time, else ours."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.diagnosis.findings import Code, Finding, certain
from service.diagnosis.request import ParsedRequest
from service.diagnosis.response import StoreResponse, amz_epoch
from service.signing.post_policy import rfc3339
from service.signing.signer import MAX_EXPIRES_IN

# S3 takes no header that is further off: …/AmazonS3/latest/API/ErrorResponses.html, RequestTimeTooSkewed
_MAX_SKEW: Final = 900
_CLOCKS: Final = 60  # that two clocks may differ, and nobody minds
_LAST_YEAR: Final = 253_402_300_799  # 9999-12-31T23:59:59Z
_NUMBER = re.compile("[0-9]{1,9}")
_SIGN_ANEW: Final = "Ask for a new URL, and use it before its `expires_at`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """In epoch seconds; `now` is the store's, as near as we know it. `told`: S3 itself said so."""

    begins: float | None = None
    ends: float | None = None
    now: float = 0.0
    told: bool = False
    session_ends: float | None = None


def times_of(
    sent: ParsedRequest, reply: StoreResponse, *, now: float, session_ends: float | None
) -> Times:
    begins = amz_epoch(sent.parameter("x-amz-date") or "")
    seconds = lifetime(sent)
    ends = None if begins is None or seconds is None else begins + seconds
    told = reply.server_time
    return Times(
        begins=begins,
        ends=ends,
        now=now if told is None else told,
        told=told is not None,
        session_ends=_finite(session_ends),
    )


def lifetime(sent: ParsedRequest) -> int | None:
    text = sent.parameter("x-amz-expires") or ""
    return int(text) if _NUMBER.fullmatch(text) and 0 < int(text) <= MAX_EXPIRES_IN else None


def faults(sent: ParsedRequest, reply: StoreResponse, times: Times) -> Iterator[Finding]:
    for finding in (
        _malformed(sent, reply),
        _expired(reply, times),
        _session_ended(reply, times),
        _not_yet_valid(reply, times),
        _skewed(reply),
    ):
        if finding is not None:
            yield finding


def form_faults(reply: StoreResponse) -> Iterator[Finding]:
    """Of a form, whose times are in its policy, only the store's words tell."""
    if "policy expired" in reply.message or reply.says("AccessDenied", "has expired"):
        summary = "The store says that the form's policy has expired."
        fix = "Ask for a new form when the page is about to send, not when it is loaded."
        yield certain(Code.EXPIRED, summary, fix)
    if (ended := _session_ended(reply, Times())) is not None:
        yield ended
    if (skewed := _skewed(reply)) is not None:
        yield skewed


def _malformed(sent: ParsedRequest, reply: StoreResponse) -> Finding | None:
    what = _malformed_part(sent)
    words = reply.code in {"AuthorizationQueryParametersError", "AuthorizationHeaderMalformed"}
    if what is None and (not words or "region" in reply.message):
        return None
    summary = what or "The store cannot read the signature's own parameters in the query."
    fix = "These parameters are signed: send the URL as it was answered, or ask for another lifetime when it is signed."
    return certain(Code.QUERY_MALFORMED, summary, fix)


def _malformed_part(sent: ParsedRequest) -> str | None:
    """Of a parameter that is there; what is missing is told elsewhere."""
    date, scope = sent.parameter("x-amz-date"), sent.scope
    if sent.parameter("x-amz-expires") and lifetime(sent) is None:
        return f"`X-Amz-Expires` is no whole number of seconds from 1 to {MAX_EXPIRES_IN}."
    if date and amz_epoch(date) is None:
        return "`X-Amz-Date` is no time such as `20260301T120000Z`."
    if sent.parameter("x-amz-credential") and scope is None:
        return "`X-Amz-Credential` is not of the form key id, date, region, `s3`, `aws4_request`."
    if date and scope is not None and not date.startswith(scope[1]):
        return "The day in `X-Amz-Credential` is not that of `X-Amz-Date`: one of them was changed."
    return None


def _expired(reply: StoreResponse, times: Times) -> Finding | None:
    said = reply.says("AccessDenied", "has expired") or reply.code == "ExpiredRequest"
    counted = times.ends is not None and times.now >= times.ends
    if not said and not counted:
        return None
    whose = "the store's clock" if times.told else "our clock"
    summary = "The store says that the URL has expired."
    if counted and times.ends is not None:
        ago = _seconds(times.now - times.ends)
        summary = f"The URL held until {_moment(times.ends)}; by {whose} that was {ago} ago."
    fix = f"{_SIGN_ANEW}; for slow clients ask for a longer `expires_in`."
    return certain(Code.EXPIRED, summary, fix)


def _session_ended(reply: StoreResponse, times: Times) -> Finding | None:
    said = reply.code in {"ExpiredToken", "ExpiredTokenException"}
    known = times.session_ends is not None and times.now >= times.session_ends
    if not said and not known:
        return None
    when = f" at {_moment(times.session_ends)}" if known and times.session_ends is not None else ""
    summary = f"The session that signed the URL has ended{when}, and its URLs with it, whatever `X-Amz-Expires` says."
    fix = f"{_SIGN_ANEW}: this service never promises more than the session has left."
    return certain(Code.SESSION_ENDED, summary, fix)


def _not_yet_valid(reply: StoreResponse, times: Times) -> Finding | None:
    said = reply.says("AccessDenied", "not yet valid")
    early = 0.0 if times.begins is None else times.begins - times.now
    if not said and early <= _CLOCKS:
        return None
    summary = "The store says that the URL is not valid yet: the signer's clock is ahead."
    if early > 0 and times.begins is not None:
        whose = "the store's clock" if times.told else "our clock"
        summary = f"The URL begins at {_moment(times.begins)}, by {whose} in {_seconds(early)}: its signer's clock is ahead."
    fix = "Set the clock of the machine that signs (NTP), and sign anew."
    return Finding(Code.NOT_YET_VALID, said or early > _MAX_SKEW, summary, fix)


def _skewed(reply: StoreResponse) -> Finding | None:
    if reply.code != "RequestTimeTooSkewed":
        return None
    here, there = reply.request_time, reply.server_time
    by = "" if here is None or there is None else f" by {_seconds(abs(here - there))}"
    summary = f"The sender's clock and the store's differ{by}, and S3 takes {_MAX_SKEW} s at most."
    fix = "Set the clock of the machine that signs or sends (NTP), and send no `Date` or `x-amz-date` of your own."
    return certain(Code.CLOCK_SKEW, summary, fix)


def _moment(epoch: float) -> str:
    return rfc3339(int(min(max(epoch, 0.0), _LAST_YEAR)))


def _seconds(seconds: float) -> str:
    return f"{math.ceil(min(seconds, _LAST_YEAR))} s"


def _finite(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) else None
