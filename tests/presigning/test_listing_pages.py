"""Where a page of a list begins, and how many names it may have."""

from urllib.parse import parse_qs

import httpx
import pytest

from service.presigning.listings import ListingRequest
from service.presigning.requests import Requester
from tests.support.app import API_KEY, app_of, make_app_settings, make_open_grant, run_app
from tests.support.app import make_store_response as response


@pytest.mark.parametrize(("most", "granted", "asked"), [(5, None, "5"), (5, 3, "3"), (3, 5, "3")])
async def test_a_page_begins_behind_a_name_and_is_bounded(
    most: int, granted: int | None, asked: str
) -> None:
    sent: list[str] = []

    def store(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.query.decode())
        return response(
            200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        )

    limit = {} if granted is None else {"max_keys": granted}
    settings = make_app_settings(make_open_grant(**limit))
    async with run_app(settings, store_transport=httpx.MockTransport(store)) as client:
        core = app_of(client).parts.core
        identity = core.authorizer.snapshot.api_keys.identify(API_KEY)
        assert identity is not None
        request = ListingRequest(bucket="demo", prefix="a/", start_after="a/\n&b", max_keys=most)
        await core.listings.page(Requester(identity, "request-1"), request)
    [query] = map(parse_qs, sent)
    assert (query["start-after"], query["max-keys"]) == (["a/\n&b"], [asked])
