"""What is said beside the right finding is true as well, and says no more than it must."""

from urllib.parse import urlsplit

import pytest

from service.diagnosis.differences import curl
from service.diagnosis.findings import Code
from service.diagnosis.request import parse_request
from service.signing.actions import GetObject
from tests.diagnosis.helpers import canonical, error, found, refused, signed, told

GET = GetObject()


@pytest.mark.parametrize("spoilt", ["{}%0A", "{}%20"])
def test_a_url_that_was_spoilt_is_not_called_right(spoilt: str) -> None:
    url = spoilt.format(signed())
    codes = [each.code for each in found(refused(told(url), error("SignatureDoesNotMatch")))]
    assert Code.CHANGED_UNDERWAY not in codes
    assert codes


def test_the_answer_to_another_request_is_not_called_a_change_underway() -> None:
    url = signed().replace("/invoices/a%20b.txt", "/invoices/other.txt")
    answer = error("SignatureDoesNotMatch", CanonicalRequest=canonical(GET))
    (finding,) = found(refused(told(url), answer))
    assert finding.code is Code.SIGNATURE_MISMATCH
    assert "The response is for another URL" in finding.summary


def test_a_command_line_shows_the_values_of_no_other_headers_than_ours() -> None:
    names = "cookie;content-type;host;x-amz-meta-origin;x-amz-security-token;x-api-key"
    parts = urlsplit(signed())
    url = parts._replace(query=f"{parts.query}&X-Amz-SignedHeaders={names}").geturl()
    url = url.replace("X-Amz-SignedHeaders=host&", "")
    headers = {
        "cookie": "hunter",
        "content-type": "text/plain",
        "x-amz-meta-origin": "billing",
        "x-amz-security-token": "hunter",
        "x-api-key": "hunter",
    }
    line = curl(parse_request("PUT", url, headers))
    assert "hunter" not in line
    assert line.count("VALUE") == 3
    assert "-H 'content-type: text/plain'" in line
    assert "-H 'x-amz-meta-origin: billing'" in line
