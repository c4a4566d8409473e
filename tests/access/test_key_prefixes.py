"""Callers' own prefixes, which never overlap, and keys made of file names."""

import json
import re
from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.callers import Identity, pointers
from service.access.claims import named_claims
from service.access.grants import Caller
from service.access.key_prefixes import (
    LONGEST_NAME,
    MAX_PREFIX_BYTES,
    UNIQUE_ID,
    caller_prefix,
    longest_prefix,
    new_object_key,
    safe_name,
    sent_object_key,
    visit_folder,
)
from service.signing.validation import MAX_KEY_BYTES, check_key

TEMPLATE: Final = "uploads/{caller}/"
ID: Final = "0" * 32
issuers = st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)
subjects = st.text(min_size=1, max_size=255) | st.sampled_from([".", "..", "a/b", "~41", "A", "~~"])
callers = st.builds(
    lambda issuer, subject: Caller(issuer=issuer, subject=subject), issuers, subjects
)


def prefix(caller: Caller, template: str = TEMPLATE, **claims: Any) -> str:
    found = caller_prefix(template, Identity(caller, named_claims(claims, pointers(template))))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("issuer", "subject", "expected"),
    [
        (None, "billing", "uploads/_key/billing/"),
        ("cluster-a", "ada", "uploads/cluster-a/ada/"),
        ("cluster-a", "system:sa:api", "uploads/cluster-a/system~3Asa~3Aapi/"),
        ("a", "ü/..", "uploads/a/~C3~BC~2F../"),
        ("a", "..", "uploads/a/~2E./"),
        ("a", "~7E", "uploads/a/~7E7E/"),
        (None, "\ud800", "uploads/_key/~ED~A0~80/"),
    ],
)
def test_a_callers_prefix(issuer: str | None, subject: str, expected: str) -> None:
    assert prefix(Caller(issuer=issuer, subject=subject)) == expected


@given(callers, callers)
def test_no_callers_prefix_contains_anothers(one: Caller, other: Caller) -> None:
    first, second = prefix(one), prefix(other)
    assert first.startswith(second) == (one == other)
    check_key(new_object_key(first, "a", lambda: ID))


def test_claims_in_templates_follow_the_rules_of_grants() -> None:
    caller, template = Caller(issuer="a", subject="b"), "{claim:/tenant}/{caller}/"
    assert prefix(caller, template, tenant="acme") == "acme/a/b/"
    for claims in ({}, {"tenant": "a/b"}, {"tenant": ".."}, {"tenant": 1}, {"tenant": "{caller}"}):
        assert (
            caller_prefix(template, Identity(caller, named_claims(claims, pointers(template))))
            is None
        )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bill.pdf", "bill.pdf"),
        ("日本語 - ü.txt", "日本語 - ü.txt"),
        ("u\u0308", "u\u0308"),
        ("a/b\\c", "a_b_c"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        (".", "_"),
        ("..", "__"),
        ("...", "..."),
        (".htaccess", ".htaccess"),
        ("a\r\nb\x00\x7f\x85", "a__b___"),
        ("\ud800", "_"),
        ("${filename}", "_"),
        ("a${filename}.txt", "a_.txt"),
        ("", "_"),
        (" ", " "),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("ü" * 200 + ".pdf", "ü" * 125 + ".pdf"),
        ("x" * 300, "x" * 255),
        ("." + "x" * 300, "." + "x" * 254),
        ("a." + "x" * 300, "a." + "x" * 253),
        ("x" * 300 + ".tar.gz", "x" * 252 + ".gz"),
        ("x" * 300 + "." + "y" * 31, "x" * 223 + "." + "y" * 31),
        ("x" * 300 + "." + "y" * 32, "x" * 255),
    ],
)
def test_file_names_are_made_safe_for_keys(name: str, expected: str) -> None:
    assert safe_name(name) == expected


@given(st.text(max_size=600), st.sampled_from(["", "x" * (MAX_PREFIX_BYTES - 1)]))
def test_every_file_name_gives_a_key_that_can_be_signed(name: str, before: str) -> None:
    key = new_object_key(f"{before}/", name, lambda: ID)
    check_key(key)
    assert len(key.encode()) <= MAX_KEY_BYTES
    assert len(key.rpartition("/")[2].encode()) <= LONGEST_NAME
    assert key.startswith(f"{before}/{ID}/")
    assert "${filename}" not in key
    json.dumps(key).encode()


@given(callers)
def test_no_prefix_is_longer_than_longest_prefix(caller: Caller) -> None:
    template = "{claim:/t}/{caller}/"
    claims = {"t": "x" * 64}
    assert len(prefix(caller, template, **claims).encode()) <= longest_prefix(template)
    assert re.fullmatch(
        r"x{64}/[A-Za-z0-9._-]+/[A-Za-z0-9._~-]+/", prefix(caller, template, **claims)
    )


def test_longest_prefix_counts_the_longest_claim_issuer_and_subject() -> None:
    assert longest_prefix("a/") == 2
    assert longest_prefix("{claim:/t}/") == 64 + 1
    assert longest_prefix("u/{caller}/") == 2 + 63 + 1 + 128 + 1
    assert MAX_PREFIX_BYTES == 1024 - 32 - 1 - 255


@pytest.mark.parametrize("subject", ["x" * 129, "🔬" * 254 + "x", "🔬" * 254 + "y"])
def test_subjects_over_128_characters_become_digests(subject: str) -> None:
    assert prefix(Caller(issuer="a", subject="x" * 128)) == f"uploads/a/{'x' * 128}/"
    digest = sha256(subject.encode()).hexdigest()
    assert prefix(Caller(issuer="a", subject=subject)) == f"uploads/a/~~{digest}/"


@given(
    st.text(max_size=60),
    st.sampled_from(["", "x" * 700, "x" * (MAX_PREFIX_BYTES - 1)]),
    st.sampled_from(["f" * 12, "f" * UNIQUE_ID]),
)
def test_every_sender_gives_a_folder_that_can_be_signed(sender: str, before: str, id_: str) -> None:
    folder = visit_folder(f"{before}/", id_, "2026-12-01", sender)
    key = sent_object_key(f"{before}/", folder, "2026-12-01", "\u00fc" * 300)
    check_key(key)
    assert len(key.encode()) <= MAX_KEY_BYTES
    assert len(key.rpartition("/")[2].encode()) == LONGEST_NAME
    assert "/" not in folder
    assert folder.endswith(id_)
    assert folder.removesuffix(id_) in {"", f"2026-12-01 {folder[11 : -len(id_) - 1]} "}


def test_a_long_senders_name_is_cut_to_what_a_key_takes() -> None:
    assert visit_folder("in/", "f" * 12, "2026-12-01", "Ann") == f"2026-12-01 Ann {'f' * 12}"
    longest = "x" * MAX_PREFIX_BYTES
    assert (
        visit_folder(longest, "f" * 12, "2026-12-01", "Ann Smith")
        == f"2026-12-01 Ann Smit {'f' * 12}"
    )
    assert visit_folder(longest, "f" * UNIQUE_ID, "2026-12-01", "Ann") == "f" * UNIQUE_ID


def test_a_file_sent_by_a_visitor_is_named_with_its_day() -> None:
    key = sent_object_key("box/", "k3", "2026-11-28", "a/b.pdf")
    assert key == "box/k3/2026-11-28 a_b.pdf"
