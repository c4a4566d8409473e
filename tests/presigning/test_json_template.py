"""JSON in pieces is the JSON that a whole rendering would be."""

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from service.presigning.json_template import PLACEHOLDER, cut, quoted, text
from tests.signing.strategies import examples

PLAIN = st.text("abcXYZ019-._~/%?&=:", max_size=20)


@examples(300)
@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_is_rendered_as_anywhere_else(value: str) -> None:
    assert json.loads(text(value)) == value
    assert text(value) == to_json(value) or not value.isprintable()


@examples(200)
@given(before=st.text(), filling=PLAIN)
def test_a_hole_is_filled_and_nothing_else_is_cut(before: str, filling: str) -> None:
    before = before.encode(errors="ignore").decode()
    begin, end = cut({"before": before, "hole": PLACEHOLDER, "after": [before, 1, None]})
    filled = json.loads(begin + quoted(filling) + end)
    assert filled == {"before": before, "hole": filling, "after": [before, 1, None]}
