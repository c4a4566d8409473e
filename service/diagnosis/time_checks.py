"""Checks when the URL was valid: by S3's clock if the response shows its time, else by ours."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.clock import rfc3339
from service.diagnosis.findings import Code, Finding, certain
from service.diagnosis.request import ParsedRequest
from service.diagnosis.response import StoreResponse, parse_amz_date
from service.signing.signer import MAX_EXPIRES_IN

# Seconds; …/AmazonS3/latest/API/ErrorResponses.html, RequestTimeTooSkewed
_MAX_SKEW: Final = 900
_TOLERANCE: Final = 60  # seconds that two clocks may differ without a finding
_MAX_TIME: Final = 253_402_300_799  # 9999-12-31T23:59:59Z
_NUMBER = re.compile("[0-9]{1,9}")
_NEW_URL: Final = "Request a new URL, and use it before its `expires_at`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """In epoch seconds. `now` is by the clock that `clock` names."""

    begins: float | None = None
    ends: float | None = None
    now: float = 0.0
    clock: str = "our clock"
    session_ends: float | None = None


def times_of(
    request: ParsedRequest, response: StoreResponse, *, now: float, session_ends: float | None
) -> Times:
    begins = parse_amz_date(request.parameter("x-amz-date") or "")
    seconds = _lifetime(request)
    store_time = response.server_time
    if session_ends is not None and not math.isfinite(session_ends):
        session_ends = None
    return Times(
        begins=begins,
        ends=None if begins is None or seconds is None else begins + seconds,
        now=now if store_time is None else store_time,
        clock="our clock" if store_time is None else "the store's clock",
        session_ends=session_ends,
    )


def _lifetime(request: ParsedRequest) -> int | None:
    text = request.parameter("x-amz-expires") or ""
    return int(text) if _NUMBER.fullmatch(text) and 0 < int(text) <= MAX_EXPIRES_IN else None


def check_times(request: ParsedRequest, response: StoreResponse, times: Times) -> Iterator[Finding]:
    yield from _malformed(request, response)
    yield from _expired(response, times)
    yield from _session_ended(response, times)
    yield from _not_yet_valid(response, times)
    yield from _clock_skew(response)


def check_form_times(response: StoreResponse) -> Iterator[Finding]:
    """A form's times are in its policy, which is not reported: only the response shows them."""
    if "policy expired" in response.message or response.says("AccessDenied", "has expired"):
        summary = "The store reports that the form's policy has expired."
        fix = "Request a new form when the page is about to send it, not when the page loads."
        yield certain(Code.EXPIRED, summary, fix)
    yield from _session_ended(response, Times())
    yield from _clock_skew(response)


def _malformed(request: ParsedRequest, response: StoreResponse) -> Iterator[Finding]:
    summary = _malformed_parameter(request)
    if summary is None:
        codes = {"AuthorizationQueryParametersError", "AuthorizationHeaderMalformed"}
        if response.code not in codes or "region" in response.message:
            return
        summary = "The store cannot read the signature's own query parameters."
    fix = "Do not edit these parameters: they are signed. Request a URL with another lifetime."
    yield certain(Code.QUERY_MALFORMED, summary, fix)


def _malformed_parameter(request: ParsedRequest) -> str | None:
    """Checks only parameters that are present: `url_repair` reports missing ones."""
    date, scope = request.parameter("x-amz-date"), request.scope
    if request.parameter("x-amz-expires") and _lifetime(request) is None:
        return f"`X-Amz-Expires` is not a whole number of seconds from 1 to {MAX_EXPIRES_IN}."
    if date and parse_amz_date(date) is None:
        return "`X-Amz-Date` is not a time such as `20260301T120000Z`."
    if request.parameter("x-amz-credential") and scope is None:
        return "`X-Amz-Credential` does not have the form `KEY_ID/DATE/REGION/s3/aws4_request`."
    if date and scope is not None and not date.startswith(scope[1]):
        return "`X-Amz-Credential` and `X-Amz-Date` name different days: one of them was changed."
    return None


def _expired(response: StoreResponse, times: Times) -> Iterator[Finding]:
    fix = f"{_NEW_URL}. Slow clients need a longer `expires_in`."
    if times.ends is not None and times.now >= times.ends:
        ago = _seconds(times.now - times.ends)
        summary = f"The URL expired at {_timestamp(times.ends)}: {ago} ago by {times.clock}."
        yield certain(Code.EXPIRED, summary, fix)
    elif response.says("AccessDenied", "has expired") or response.code == "ExpiredRequest":
        yield certain(Code.EXPIRED, "The store reports that the URL has expired.", fix)


def _session_ended(response: StoreResponse, times: Times) -> Iterator[Finding]:
    when = ""
    if times.session_ends is not None and times.now >= times.session_ends:
        when = f" at {_timestamp(times.session_ends)}"
    elif response.code not in {"ExpiredToken", "ExpiredTokenException"}:
        return
    summary = (
        f"The session that signed the URL ended{when}, and the URL with it, whatever "
        "`X-Amz-Expires` says."
    )
    yield certain(Code.SESSION_ENDED, summary, f"{_NEW_URL}.")


def _not_yet_valid(response: StoreResponse, times: Times) -> Iterator[Finding]:
    is_reported = response.says("AccessDenied", "not yet valid")
    early = 0.0 if times.begins is None else times.begins - times.now
    if not is_reported and early <= _TOLERANCE:
        return
    summary = "The store reports that the URL is not valid yet: the signer's clock is ahead."
    if times.begins is not None and early > 0:
        begins, wait = _timestamp(times.begins), f"{_seconds(early)} by {times.clock}"
        summary = f"The URL is valid from {begins}, in {wait}: the signer's clock is ahead."
    fix = "Set the signer's clock (NTP), and request a new URL."
    yield Finding(Code.NOT_YET_VALID, is_reported or early > _MAX_SKEW, summary, fix)


def _clock_skew(response: StoreResponse) -> Iterator[Finding]:
    if response.code != "RequestTimeTooSkewed":
        return
    here, there = response.request_time, response.server_time
    by = "" if here is None or there is None else f" by {_seconds(abs(here - there))}"
    summary = f"The clocks of sender and store differ{by}; S3 allows {_MAX_SKEW} s."
    fix = "Set the clock of the machine that signs or sends (NTP). Send no `Date` or `x-amz-date`."
    yield certain(Code.CLOCK_SKEW, summary, fix)


def _timestamp(epoch: float) -> str:
    return rfc3339(int(min(max(epoch, 0.0), _MAX_TIME)))


def _seconds(seconds: float) -> str:
    return f"{math.ceil(min(seconds, _MAX_TIME))} s"
