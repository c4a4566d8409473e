"""How many examples a property is tried with: few in `make test`, all in `make test-slow`."""

from collections.abc import Callable
from typing import Final, TypeVar

import pytest
from hypothesis import settings

Test = TypeVar("Test", bound=Callable[..., object])

FEW: Final = 100
# How many the profiles of `make test` and `make test-pythons` try. All others try all examples.
MOST: Final = {"presign": FEW, "glance": 20}


def examples(number: int) -> Callable[[Test], Test]:
    """Return a decorator of a property: `make test-slow` tries it with `number` examples.

    `make test` tries FEW of them, if that is less, and `make test-pythons` 20.
    """
    count = examples_of(number, settings.get_current_profile_name())

    def decorate(test: Test) -> Test:
        tried: Test = settings(max_examples=count)(test)
        return pytest.mark.many_examples(tried) if number > FEW else tried

    return decorate


def examples_of(number: int, profile: str) -> int:
    return min(number, MOST.get(profile, number))
