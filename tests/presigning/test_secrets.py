"""What no repr of an answer shows."""

from tests.presigning.house import a_form_ask, a_house, an_ask
from tests.support.fakes import (
    REQUESTER,
    SECRET,
    TOKEN,
    a_grant,
    a_snapshot,
    in_virtual_time,
)


@in_virtual_time
async def test_no_repr_of_an_answer_shows_what_is_signed() -> None:
    house = a_house(a_snapshot(a_grant()))
    signed = await house.presigner.presign(REQUESTER, an_ask())
    form = await house.presigner.presign_form(REQUESTER, a_form_ask(key_prefix=""))
    shown = f"{signed!r} {form!r} {[signed]} {house.presigner!r}"
    assert "expires_in" in shown
    for secret in ("X-Amz", "x-amz-signature", "policy", "ASIAFAKE", "/a/b", SECRET, TOKEN):
        assert secret not in shown
    assert signed.url not in shown
