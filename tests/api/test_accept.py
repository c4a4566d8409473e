import pytest

from service.api.accept import accepts, preferred, prefers_gzip

HTML, JSON = "text/html", "application/json"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], HTML),
        (["*/*"], HTML),
        (["application/json"], JSON),
        (["Application/JSON; q=0.5, text/html;q=0.4"], JSON),
        (["text/html", "application/json;q=0.9"], HTML),
        (["application/*"], JSON),
        (["application/*, text/html;q=0.1"], JSON),
        (["*/*;q=0.1, text/html;q=0"], JSON),
        (["application/json;q=x"], HTML),
        (["image/png"], HTML),
        ([", ,"], HTML),
    ],
)
def test_the_offer_with_the_most_weight_is_preferred(accept: list[str], expected: str) -> None:
    headers = [(b"accept", each.encode()) for each in accept]
    assert preferred([(b"host", b"x"), *headers], [HTML, JSON]) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["GZIP;q=0.1"], True),
        (["br, gzip, deflate"], True),
        (["br", "gzip"], True),
        (["*"], True),
        (["gzip;q=0, *"], False),
        (["*;q=0"], False),
        (["br;q=1, *;q=0.1"], True),
        (["identity"], False),
        (["identity, gzip;q=0.5"], False),
        (["identity;q=0.5, gzip;q=0.5"], True),
        (["gzip;q=nan"], False),
        (["gzip;q=x"], False),
        (["gzipped, x-gzip"], False),
    ],
)
def test_gzip_is_preferred_as_its_weight_says(accept: list[str], *, expected: bool) -> None:
    headers = [(b"accept-encoding", each.encode()) for each in accept]
    assert prefers_gzip([(b"accept", b"gzip"), *headers]) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], True),
        ([""], True),
        (["*/*"], True),
        (["text/html, application/json;q=0.1"], True),
        (["application/*"], True),
        (["text/html"], False),
        (["*/*, application/json;q=0"], False),
        (["application/json;q=x"], False),
        (["application/json, text/event-stream"], True),
        (["application/json, application/json;q=0"], True),
        (["application/json;q=0, */*"], False),
        (["application/json;q=0", "*/*"], False),
        (["application/jsonx"], False),
    ],
)
def test_a_type_that_is_not_excluded_is_accepted(accept: list[str], expected: bool) -> None:
    assert accepts([(b"accept", each.encode()) for each in accept], JSON) is expected
