"""The table of a grant's limits, which every description and check reads."""

from dataclasses import fields

from service.access.caller_description import describe_grant
from service.access.create_only import UPLOADS
from service.access.grants import CONTENT_LIMITS, Conditions, Grant, Operation
from service.access.limits import LIMITS, Limit, Unit, limits_of
from service.config.callers import GrantSettings
from tests.support.factories import make_grant

NO_LIMITS = {"bucket", "prefix", "allow"}
CONDITIONS = {each.name for each in fields(Conditions)}  # the store keeps these
VALUES = {
    Unit.SECONDS: 60, Unit.BYTES: 9, Unit.NUMBER: 5, Unit.TYPES: ("image/*",), Unit.FLAG: True,
}  # fmt: skip
LOOSER = {
    Unit.SECONDS: 61, Unit.BYTES: 10, Unit.NUMBER: 6, Unit.TYPES: ("image/*", "a/b"),
}  # fmt: skip


def test_each_field_of_a_grant_is_a_limit_or_its_place() -> None:
    names = [limit.name for limit in LIMITS]
    assert sorted(names) == sorted(
        {each.name for each in fields(Grant)} - NO_LIMITS - {"conditions"}
    )


def test_each_limit_is_a_setting() -> None:
    settings = set(GrantSettings.model_fields) - NO_LIMITS - CONDITIONS
    assert {limit.name for limit in LIMITS} == settings


def test_a_caller_reads_each_limit_that_its_grant_has() -> None:
    limits = {limit.name: VALUES[limit.unit] for limit in LIMITS}
    said = describe_grant(make_grant(**limits))
    assert {name: said[name] for name in limits} == limits


def test_a_default_is_no_limit_without_its_operation() -> None:
    defaults = {limit.name for limit in LIMITS if limit.has_default}
    without = make_grant(allow=frozenset({Operation.DOWNLOAD}))
    assert defaults == {"max_link_expires_in"}
    assert {limit.name for limit, _ in limits_of(without)} == {"allow_overwrite"}
    assert {limit.name for limit, _ in limits_of(make_grant())} == {*defaults, "allow_overwrite"}


def test_a_limit_is_looser_if_it_allows_more() -> None:
    for limit in LIMITS:
        if limit.unit is not Unit.FLAG:
            value, more = VALUES[limit.unit], LOOSER[limit.unit]
            assert [
                limit.is_looser(*pair)
                for pair in [(more, value), (None, value), (value, value), (value, None)]
            ] == [True, True, False, False]


def test_types_are_looser_only_if_they_include_the_others() -> None:
    [types] = [limit for limit in LIMITS if limit.unit is Unit.TYPES]
    assert types.is_looser(("a/b", "image/*"), ("image/*",))
    assert not types.is_looser(("image/*",), ("a/b",))


def test_only_a_flag_has_words_without_its_value() -> None:
    def shows_its_value(limit: Limit) -> bool:
        return "{}" in limit.words

    assert [limit.unit is not Unit.FLAG for limit in LIMITS] == [*map(shows_its_value, LIMITS)]


def test_limits_of_content_are_of_uploads() -> None:
    of_uploads = {limit.name for limit in LIMITS if limit.operations == UPLOADS}
    assert {"max_content_length", "content_types"} <= {*CONTENT_LIMITS} <= of_uploads
