"""What no repr of an answer shows."""

from tests.presigning.house import make_form_request, make_harness, make_request
from tests.support.fakes import (
    REQUESTER,
    SECRET,
    TOKEN,
    in_virtual_time,
    make_grant,
    make_snapshot,
)


@in_virtual_time
async def test_no_repr_of_an_answer_shows_what_is_signed() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    signed = await harness.presigner.presign(REQUESTER, make_request())
    form = await harness.presigner.presign_form(REQUESTER, make_form_request(key_prefix=""))
    shown = f"{signed!r} {form!r} {[signed]} {harness.presigner!r}"
    assert "expires_in" in shown
    for secret in ("X-Amz", "x-amz-signature", "policy", "ASIAFAKE", "/a/b", SECRET, TOKEN):
        assert secret not in shown
    assert signed.url not in shown
