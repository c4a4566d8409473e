"""How many examples a property is tried with."""

from hypothesis import settings


def examples(number: int) -> settings:
    return settings(max_examples=number)
