"""A mismatch that cannot be proven names the signed headers to compare, metadata first."""

from typing import Final

import pytest

from service.diagnosis.diagnose import Context
from service.diagnosis.findings import Code, Finding
from service.signing.actions import PutObject
from tests.diagnosis.helpers import KNOWN, OFFLINE, STRANGER, error, found, refused, upload

MISMATCH: Final = error("SignatureDoesNotMatch")
METADATA: Final = PutObject(
    content_length=5, metadata=(("author", "Ann"), ("team", "x")), tags=(("a", "b"),)
)


def mismatch(known: Context, action: PutObject, **changes: str | None) -> Finding:
    findings = found(refused(upload(action, **changes), MISMATCH), known)
    (finding,) = (each for each in findings if each.code is Code.SIGNATURE_MISMATCH)
    return finding


@pytest.mark.parametrize("known", [KNOWN, STRANGER, OFFLINE])
@pytest.mark.parametrize("content_length", ["5", None])
def test_signed_metadata_is_named_first_to_compare(
    known: Context, content_length: str | None
) -> None:
    changes = {"x_amz_meta_author": "Bob", "content_length": content_length}
    fix = mismatch(known, METADATA, **changes).fix
    assert (
        "with those you received, byte for byte: `x-amz-meta-author`, `x-amz-meta-team`, `if-"
        in fix
    )
    assert "Ann" not in fix
    assert "Bob" not in fix


@pytest.mark.parametrize("known", [KNOWN, STRANGER])
def test_many_names_are_cut_and_odd_ones_not_repeated(known: Context) -> None:
    secret = "a0wjalrxutnfemi-k7mdeng0bpxrficyexamplekey"
    pairs = ((secret, "a"), *((f"name{number}", "a") for number in range(10)))
    action = PutObject(content_length=5, metadata=pairs)
    fix = mismatch(known, action, x_amz_meta_name1="b").fix
    assert fix.count("`x-amz-meta-") == 7
    assert "a header" in fix
    assert secret not in fix
