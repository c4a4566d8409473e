"""What no repr of an answer shows."""

from tests.support.authorizer import make_harness
from tests.support.factories import (
    SECRET,
    TOKEN,
    make_form_request,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_no_repr_of_an_answer_shows_what_is_signed() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    signed = await harness.presign(make_request())
    form = await harness.presign_form(make_form_request(key_prefix=""))
    shown = f"{signed!r} {form!r} {[signed]} {harness.presigner!r}"
    assert "expires_in" in shown
    for secret in ("X-Amz", "x-amz-signature", "policy", "ASIAFAKE", "/a/b", SECRET, TOKEN):
        assert secret not in shown
    assert signed.url not in shown
