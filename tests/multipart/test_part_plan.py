"""How an object is cut: whatever its length, the parts are what S3 takes, and add up to it."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.multipart.part_plan import PartPlan
from tests.signing.strategies import examples

MIB: Final = 1024**2
GIB: Final = 1024**3
LEAST: Final = 5 * MIB  # docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MOST: Final = 5 * GIB
PARTS: Final = 10_000
LARGEST: Final = PARTS * MOST
LENGTHS: Final = st.integers(1, LARGEST) | st.builds(
    lambda edge, by: min(max(edge + by, 1), LARGEST),
    st.sampled_from(
        [1, LEAST, 8 * MIB, 1000 * 8 * MIB, 1000 * 64 * MIB, PARTS * 64 * MIB, MOST, LARGEST]
    ),
    st.integers(-2, 2),
)


def refused_at(content_length: int, part_size: int | None = None) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        PartPlan.of(content_length, part_size)
    return list(refused.value.pointers)


@examples(2000)
@given(content_length=LENGTHS)
def test_a_chosen_plan_adds_up_and_is_within_the_stores_limits(content_length: int) -> None:
    plan = PartPlan.of(content_length)
    lengths = [plan.length(number) for number in (1, plan.part_count)]
    assert plan.part_count <= PARTS
    assert (plan.part_count - 1) * plan.part_size + lengths[-1] == content_length
    assert lengths[0] == (plan.part_size if plan.part_count > 1 else content_length)
    assert 1 <= lengths[-1] <= plan.part_size
    assert LEAST <= plan.part_size <= MOST
    assert plan.part_size % MIB == 0


@examples(50)
@given(content_length=LENGTHS, part_size=st.none() | st.integers(LEAST, MOST))
def test_every_part_is_of_one_size_but_the_last(content_length: int, part_size: int | None) -> None:
    if part_size is not None and content_length > PARTS * part_size:
        return
    plan = PartPlan.of(content_length, part_size)
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
        (64_000 * MIB + 1, 64 * MIB, 1001),  # no larger until 10,000 are not enough
        (640_000 * MIB, 64 * MIB, PARTS),
        (640_000 * MIB + 1, 65 * MIB, 9847),
        (LARGEST - 1, MOST, PARTS),
        (LARGEST, MOST, PARTS),
    ],
)
def test_parts_grow_with_the_object_and_stay_small_enough_to_send_again(
    content_length: int, part_size: int, part_count: int
) -> None:
    plan = PartPlan.of(content_length)
    assert (plan.part_size, plan.part_count) == (part_size, part_count)


@pytest.mark.parametrize("content_length", [1, LEAST - 1, LEAST, LEAST + 1, PARTS * LEAST])
def test_a_part_size_that_is_asked_for_is_kept(content_length: int) -> None:
    plan = PartPlan.of(content_length, LEAST)
    assert (plan.part_size, plan.part_count) == (LEAST, -(-content_length // LEAST))
    assert plan.length(1) == min(LEAST, content_length)


@pytest.mark.parametrize("content_length", [-1, 0, LARGEST + 1])
def test_a_length_that_no_upload_in_parts_has_is_refused(content_length: int) -> None:
    assert refused_at(content_length) == ["#/content_length"]


@pytest.mark.parametrize("part_size", [-1, 0, 1, LEAST - 1, MOST + 1])
def test_a_part_size_that_the_store_does_not_take_is_refused(part_size: int) -> None:
    assert refused_at(100, part_size) == ["#/part_size"]


@pytest.mark.parametrize("part_size", [LEAST, LEAST + 1, 8 * MIB])
def test_ten_thousand_parts_are_taken_and_not_one_more(part_size: int) -> None:
    assert PartPlan.of(PARTS * part_size, part_size).part_count == PARTS
    assert refused_at(PARTS * part_size + 1, part_size) == ["#/part_size"]


@pytest.mark.parametrize("numbers", [[], [1], [3, 1, 2], range(1, 4)])
def test_numbers_of_the_plan_may_come_in_any_order(numbers: list[int]) -> None:
    PartPlan(3 * LEAST, LEAST).check_numbers(numbers, pointer="#/part_numbers")


@pytest.mark.parametrize("numbers", [[0], [4], [-1], [1, 2, 3, 4], [1, 1], [3, 2, 3]])
def test_numbers_outside_the_plan_or_twice_are_refused_where_they_were_said(
    numbers: list[int],
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        PartPlan(3 * LEAST, LEAST).check_numbers(numbers, pointer="#/here")
    assert list(refused.value.pointers) == ["#/here"]
