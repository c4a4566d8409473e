import pytest

from service.api.accept import preferred

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
