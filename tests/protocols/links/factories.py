"""Links for tests: an example, and a strategy for any."""

from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from service.access.grants import Caller, Operation
from service.protocols.links.link import SALT_BYTES, Link

KEY: Final = b"k" * 32
OTHER_KEY: Final = b"o" * 32
NOW: Final = 1_795_000_000
DAY: Final = 86_400
EXAMPLE: Final = Link(
    caller=Caller(issuer=None, subject="billing"),
    bucket="reports",
    key="2026/q3.pdf",
    issued_at=NOW,
    expires_at=NOW + 30 * DAY,
    salt=b"s" * SALT_BYTES,
)


def make_link(**changes: Any) -> Link:
    return replace(EXAMPLE, **changes)


# Of any characters, with lone surrogates too.
texts = st.text(st.characters() | st.sampled_from("abc/._-0\x00\x7f\ud800"), max_size=40)


@st.composite
def links(draw: st.DrawFn) -> Link:
    issued_at = draw(st.integers(0, 2**31))
    return Link(
        caller=Caller(issuer=draw(st.none() | texts), subject=draw(texts)),
        bucket=draw(texts),
        key=draw(texts),
        issued_at=issued_at,
        expires_at=issued_at + draw(st.integers(1, 31_536_000)),
        salt=draw(st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)),
        claims=draw(st.dictionaries(texts, texts, max_size=3)),
        facts=draw(st.frozensets(st.tuples(texts, texts), max_size=3)),
        operation=draw(st.sampled_from([Operation.DOWNLOAD, Operation.UPLOAD])),
        is_prefix=draw(st.booleans()),
        not_before=draw(st.none() | st.integers(0, 31_536_000).map(issued_at.__add__)),
        max_uses=draw(st.none() | st.integers(1, 1000)),
        filename=draw(st.none() | texts),
        label=draw(st.none() | texts.filter(bool)),
        message=draw(st.none() | texts.filter(bool)),
    )
