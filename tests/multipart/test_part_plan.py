"""For any length, the parts are what S3 accepts, and add up to the object."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.multipart.part_plan import PartPlan
from tests.support.examples import examples

MIB: Final = 1024**2
GIB: Final = 1024**3
MIN_PART: Final = 5 * MIB  # docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PART: Final = 5 * GIB
MAX_PARTS: Final = 10_000
MAX_OBJECT: Final = MAX_PARTS * MAX_PART
EDGES: Final = [1, MIN_PART, *(n * 8 * MIB for n in (1, 1000, 8000, 80_000)), MAX_PART, MAX_OBJECT]
LENGTHS: Final = st.integers(1, MAX_OBJECT) | st.builds(
    lambda edge, by: min(max(edge + by, 1), MAX_OBJECT),
    st.sampled_from(EDGES),
    st.integers(-2, 2),
)


def refused_at(content_length: int, part_size: int | None = None) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        PartPlan.for_length(content_length, part_size)
    return list(refused.value.pointers)


@examples(2000)
@given(content_length=LENGTHS)
def test_a_default_plan_adds_up_within_the_limits_of_s3(content_length: int) -> None:
    plan = PartPlan.for_length(content_length)
    lengths = [plan.length(number) for number in (1, plan.part_count)]
    assert plan.part_count <= MAX_PARTS
    assert (plan.part_count - 1) * plan.part_size + lengths[-1] == content_length
    assert lengths[0] == (plan.part_size if plan.part_count > 1 else content_length)
    assert 1 <= lengths[-1] <= plan.part_size
    assert MIN_PART <= plan.part_size <= MAX_PART
    assert plan.part_size % MIB == 0


@examples(50)
@given(content_length=LENGTHS, part_size=st.none() | st.integers(MIN_PART, MAX_PART))
def test_all_parts_except_the_last_have_one_size(
    content_length: int, part_size: int | None
) -> None:
    if part_size is not None and content_length > MAX_PARTS * part_size:
        return
    plan = PartPlan.for_length(content_length, part_size)
    lengths = [plan.length(number) for number in range(1, plan.part_count + 1)]
    assert sum(lengths) == content_length
    assert set(lengths[:-1]) <= {plan.part_size}


@pytest.mark.parametrize(
    ("content_length", "part_size", "part_count"),
    [
        (1, 8 * MIB, 1),
        (8 * MIB, 8 * MIB, 1),
        (8 * MIB + 1, 8 * MIB, 2),
        (8000 * MIB, 8 * MIB, 1000),
        (8000 * MIB + 1, 9 * MIB, 889),
        (64_000 * MIB + 1, 64 * MIB, 1001),  # it grows only for the limit of 10,000 parts
        (640_000 * MIB, 64 * MIB, MAX_PARTS),
        (640_000 * MIB + 1, 65 * MIB, 9847),
        (MAX_OBJECT - 1, MAX_PART, MAX_PARTS),
        (MAX_OBJECT, MAX_PART, MAX_PARTS),
    ],
)
def test_the_default_part_size_grows_with_the_object(
    content_length: int, part_size: int, part_count: int
) -> None:
    plan = PartPlan.for_length(content_length)
    assert (plan.part_size, plan.part_count) == (part_size, part_count)


@pytest.mark.parametrize(
    "content_length", [1, MIN_PART - 1, MIN_PART, MIN_PART + 1, MAX_PARTS * MIN_PART]
)
def test_a_requested_part_size_is_used(content_length: int) -> None:
    plan = PartPlan.for_length(content_length, MIN_PART)
    assert (plan.part_size, plan.part_count) == (MIN_PART, -(-content_length // MIN_PART))
    assert plan.length(1) == min(MIN_PART, content_length)


def test_an_impossible_length_or_part_size_is_refused() -> None:
    for content_length in (-1, 0, MAX_OBJECT + 1):
        assert refused_at(content_length) == ["#/content_length"]
    for part_size in (-1, 0, 1, MIN_PART - 1, MAX_PART + 1):
        assert refused_at(100, part_size) == ["#/part_size"]


@pytest.mark.parametrize("part_size", [MIN_PART, MIN_PART + 1, 8 * MIB])
def test_there_are_at_most_ten_thousand_parts(part_size: int) -> None:
    assert PartPlan.for_length(MAX_PARTS * part_size, part_size).part_count == MAX_PARTS
    assert refused_at(MAX_PARTS * part_size + 1, part_size) == ["#/part_size"]


@pytest.mark.parametrize("numbers", [[], [1], [3, 1, 2], range(1, 4)])
def test_part_numbers_may_be_in_any_order(numbers: list[int]) -> None:
    PartPlan(3 * MIN_PART, MIN_PART).check_numbers(numbers, pointer="#/part_numbers")


@pytest.mark.parametrize("numbers", [[0], [4], [-1], [1, 2, 3, 4], [1, 1], [3, 2, 3]])
def test_repeated_or_unknown_part_numbers_are_refused(numbers: list[int]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        PartPlan(3 * MIN_PART, MIN_PART).check_numbers(numbers, pointer="#/here")
    assert list(refused.value.pointers) == ["#/here"]
