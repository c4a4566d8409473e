from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import FEW, examples, examples_of

ASKED: Final = 3 * FEW


@pytest.mark.parametrize(
    ("profile", "number", "tried"),
    [
        ("presign", ASKED, FEW),
        ("presign", FEW - 1, FEW - 1),
        ("glance", ASKED, 20),
        ("thorough", ASKED, ASKED),
        ("mutants", ASKED, ASKED),
    ],
)
def test_make_test_tries_few_examples_and_another_python_fewer(
    profile: str, number: int, tried: int
) -> None:
    assert examples_of(number, profile) == tried


@examples(ASKED)
@given(st.integers())
def many(_: int) -> None:
    pass


@examples(FEW)
@given(st.integers())
def few(_: int) -> None:
    pass


def test_a_test_with_many_examples_is_marked_for_the_slow_run() -> None:
    """By its marker `make test-slow` finds it."""
    marks = [[mark.name for mark in getattr(test, "pytestmark", ())] for test in (many, few)]
    assert marks == [["many_examples"], []]
    profile = settings.get_current_profile_name()
    found = many._hypothesis_internal_use_settings.max_examples  # type: ignore[attr-defined]
    assert found == examples_of(ASKED, profile)
