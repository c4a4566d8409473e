"""A URL of SigV2 is called that, and not a cut-off one of SigV4."""

from typing import Final

import pytest

from service.diagnosis.diagnose import Context
from service.diagnosis.findings import Code
from tests.diagnosis.helpers import (
    ADDRESS,
    KNOWN,
    OFFLINE,
    STRANGER,
    error,
    found,
    refused,
    signed,
    told,
)

URL: Final = f"{ADDRESS.origin}/a?AWSAccessKeyId=ASIAEXAMPLE&Signature=c2ln&Expires=1999999999"
TOKEN: Final = "&x-amz-security-token=IQoJb3Jp%2B"
REFUSED: Final = error("InvalidRequest", "Please use AWS4-HMAC-SHA256.")


@pytest.mark.parametrize("known", [KNOWN, STRANGER, OFFLINE])
@pytest.mark.parametrize(
    "url",
    [
        pytest.param(URL, id="plain"),
        pytest.param(URL + TOKEN, id="with a session's token"),
        pytest.param(URL.replace("Signature=c2ln&", "") + TOKEN, id="cut off as well"),
        pytest.param(f"{URL}{TOKEN}&x-amz-meta-a=b", id="with metadata in the query"),
        pytest.param((URL + TOKEN).replace("AWSAccessKeyId", "awsaccesskeyid"), id="lower case"),
    ],
)
def test_a_sigv2_url_is_called_sigv2_alone(url: str, known: Context) -> None:
    for answer in ({}, REFUSED, {"status": 403}):
        (finding,) = found(refused(told(url), answer), known)
        assert (finding.code, finding.proven) == (Code.SIGNATURE_V2, True)


def test_a_sigv2_url_that_was_escaped_is_both() -> None:
    codes = [each.code for each in found(told((URL + TOKEN).replace("&", "&amp;")))]
    assert codes == [Code.URL_ESCAPED, Code.SIGNATURE_V2]


def test_a_sigv4_url_with_a_parameter_of_sigv2_stays_sigv4() -> None:
    (finding,) = found(
        refused(told(f"{signed()}&AWSAccessKeyId=AKIA"), error("SignatureDoesNotMatch"))
    )
    assert (finding.code, finding.proven) == (Code.QUERY_CHANGED, True)
    cut = signed()[:-10] + "&AWSAccessKeyId=AKIA"
    assert Code.SIGNATURE_V2 not in {each.code for each in found(told(cut))}
