"""Errors as AWS words them, each with where its words stand.

From an issue they are what S3 answered to whoever published them, member by member; from AWS's own
pages they are a code with its description. Names, keys and ids are made up.
"""

from dataclasses import replace
from typing import Any, Final

from service.diagnosis.findings import Code
from service.diagnosis.request import ReportedRequest
from service.signing.actions import PutObject
from tests.diagnosis.helpers import ADDRESS, NOW, UPLOAD, canonical, escape, report, signed, upload

_ISSUES: Final = "https://github.com"
_SHOULD_NOT: Final = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)
FORM: Final = report(f"https://{ADDRESS.host}/", "POST")
EXPIRED: Final = signed(now=NOW - 7200)


def body(text: str) -> dict[str, Any]:
    return {"status": 403, "body": f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{text}</Error>'}


def mismatch(canonical_request: str) -> dict[str, Any]:
    """…/aws/aws-sdk-php/issues/1078 and …/cognitect-labs/aws-api/issues/5: which members there are."""
    return body(
        f"<Code>SignatureDoesNotMatch</Code><Message>{_SHOULD_NOT}</Message>"
        "<AWSAccessKeyId>ASIAIOSFODNN7EXAMPLE</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n"
        "20260301T120000Z\n20260301/eu-west-1/s3/aws4_request\n9a6f</StringToSign>"
        "<SignatureProvided>f0b5</SignatureProvided><StringToSignBytes>41 57</StringToSignBytes>"
        f"<CanonicalRequest>{escape(canonical_request)}</CanonicalRequest>"
        "<CanonicalRequestBytes>50 55</CanonicalRequestBytes>"
        "<RequestId>4442587FB7D0A2F9</RequestId><HostId>id</HostId>"
    )


WORDS: Final[dict[str, tuple[str, ReportedRequest, dict[str, Any], Code]]] = {
    "expired": (
        f"{_ISSUES}/lukejacksonn/react-slack-clone/issues/27",
        report(EXPIRED),
        body(
            "<Code>AccessDenied</Code><Message>Request has expired</Message>"
            "<X-Amz-Expires>900</X-Amz-Expires><Expires>2026-03-01T10:15:00Z</Expires>"
            "<ServerTime>2026-03-01T12:00:42Z</ServerTime><RequestId>FED2CBD7BC00CFFC</RequestId>"
        ),
        Code.EXPIRED,
    ),
    "not yet valid": (
        f"{_ISSUES}/minio/minio/issues/2638",
        report(signed(now=NOW + 86_400)),
        body(
            "<Code>AccessDenied</Code><Message>Request is not yet valid</Message>"
            "<X-Amz-Date>1772452800000</X-Amz-Date><Expires>2026-03-02T12:15:00Z</Expires>"
            "<ServerTime>2026-03-01T12:00:00Z</ServerTime><RequestId>DF5D535F5795B3A0</RequestId>"
        ),
        Code.NOT_YET_VALID,
    ),
    "token expired": (
        f"{_ISSUES}/craftcms/aws-s3/issues/182",
        report(signed(now=NOW - 4000, expires_in=86_400)),
        body(
            "<Code>ExpiredToken</Code><Message>The provided token has expired.</Message>"
            "<Token-0>IQoJ</Token-0><RequestId>R</RequestId>"
        ),
        Code.SESSION_ENDED,
    ),
    "token malformed": (
        "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        report(signed().replace("Token=", "Token=A")),
        body(
            "<Code>InvalidToken</Code>"
            "<Message>The provided token is malformed or otherwise invalid.</Message>"
        ),
        Code.TOKEN_CHANGED,
    ),
    "headers not signed": (
        f"{_ISSUES}/odysseyscience/react-s3-uploader/issues/106",
        upload(x_amz_acl="public-read"),
        body(
            "<Code>AccessDenied</Code><Message>There were headers present in the request which "
            "were not signed</Message><HeadersNotSigned>x-amz-acl</HeadersNotSigned>"
        ),
        Code.HEADER_UNSIGNED,
    ),
    "headers not signed, and not told of": (
        f"{_ISSUES}/aws/aws-sdk-js/issues/896",
        report(signed()),
        body(
            "<Code>AccessDenied</Code><Message>There were headers present in the request which "
            "were not signed</Message><HeadersNotSigned>x-amz-server-side-encryption, "
            "x-amz-content-sha256</HeadersNotSigned>"
        ),
        Code.HEADER_UNSIGNED,
    ),
    "region, in the query": (
        f"{_ISSUES}/HHS/Head-Start-TTADP/issues/370",
        report(signed(address=replace(ADDRESS, region="us-east-1"))),
        body(
            "<Code>AuthorizationQueryParametersError</Code><Message>Error parsing the "
            "X-Amz-Credential parameter; the region 'us-east-1' is wrong; expecting 'eu-west-1'"
            "</Message><Region>eu-west-1</Region><RequestId>04E139156AC60A48</RequestId>"
        ),
        Code.WRONG_REGION,
    ),
    "region, in the header": (
        f"{_ISSUES}/TTLabs/EvaporateJS/issues/364",
        report(signed(address=replace(ADDRESS, region="us-east-1"))),
        body(
            "<Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is "
            "malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message>"
            "<Region>eu-west-1</Region>"
        ),
        Code.WRONG_REGION,
    ),
    "lifetime": (
        "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html",
        report(signed().replace("Expires=900", "Expires=604801")),
        body(
            "<Code>AuthorizationQueryParametersError</Code><Message>X-Amz-Expires must be less "
            "than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 "
            "seconds</Message>"
        ),
        Code.QUERY_MALFORMED,
    ),
    "a parameter short": (
        f"{_ISSUES}/kaliber-scala/play-s3/issues/73",
        report(signed().replace("&X-Amz-Expires=900", "")),
        body(
            "<Code>AuthorizationQueryParametersError</Code><Message>Query-string authentication "
            "version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
            "X-Amz-SignedHeaders, and X-Amz-Expires parameters.</Message>"
        ),
        Code.QUERY_MALFORMED,
    ),
    "SigV2": (
        f"{_ISSUES}/ravsau/aws-labs/issues/4",
        report(f"https://{ADDRESS.host}/a?AWSAccessKeyId=AKIA&Signature=c2ln&Expires=1999999999"),
        body(
            "<Code>InvalidRequest</Code><Message>The authorization mechanism you have provided is "
            "not supported. Please use AWS4-HMAC-SHA256.</Message>"
        ),
        Code.SIGNATURE_V2,
    ),
    "two ways at once": (
        f"{_ISSUES}/catalyst/moodle-tool_objectfs/issues/303",
        report(signed(), headers={"Authorization": "Bearer abc"}),
        body(
            "<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed; only the "
            "X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization "
            "header should be specified</Message><ArgumentName>Authorization</ArgumentName>"
            "<ArgumentValue>Bearer abc</ArgumentValue>"
        ),
        Code.TWO_AUTHORIZATIONS,
    ),
    "redirect": (
        f"{_ISSUES}/kislyuk/aegea/pull/51",
        report(signed(address=replace(ADDRESS, host="acme-reports.s3.amazonaws.com"))),
        {
            "status": 307,
            "body": "<Error><Code>TemporaryRedirect</Code><Message>Please re-send this request to "
            "the specified temporary endpoint. Continue to use the original request endpoint for "
            "future requests.</Message>"
            "<Endpoint>acme-reports.s3-eu-west-1.amazonaws.com</Endpoint></Error>",
        },
        Code.REDIRECTED,
    ),
    "permanent redirect": (
        f"{_ISSUES}/aws/aws-sdk-js/issues/1376",
        report(signed()),
        {
            "status": 301,
            "body": "<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to "
            "access must be addressed using the specified endpoint.</Message>"
            "<Endpoint>acme-reports.s3.eu-central-1.amazonaws.com</Endpoint></Error>",
        },
        Code.REDIRECTED,
    ),
    "a redirect that was followed": (
        f"{_ISSUES}/aws/aws-sdk-js/issues/1908",
        report(signed(address=replace(ADDRESS, host="acme-reports.s3.amazonaws.com"))),
        mismatch(
            canonical(PutObject(content_length=5))
            .replace("PUT\n", "GET\n")
            .partition("\ncontent-length")[0]
            + f"\nhost:{ADDRESS.host}\n\nhost\nUNSIGNED-PAYLOAD"
        ),
        Code.HOST_CHANGED,
    ),
    "clock skew": (
        f"{_ISSUES}/versity/versitygw/issues/1514",
        report(signed()),
        body(
            "<Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and "
            "the current time is too large.</Message><RequestTime>20260301T110000Z</RequestTime>"
            "<ServerTime>2026-03-01T12:00:42Z</ServerTime>"
            "<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>"
        ),
        Code.CLOCK_SKEW,
    ),
    "key id": (
        "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        report(signed()),
        body(
            "<Code>InvalidAccessKeyId</Code><Message>The AWS Access Key Id you provided does not "
            "exist in our records.</Message><AWSAccessKeyId>ASIAIOSFODNN7EXAMPLE</AWSAccessKeyId>"
        ),
        Code.KEY_ID_UNKNOWN,
    ),
    "a charset, by the canonical request": (
        f"{_ISSUES}/aws/aws-sdk-js-v3/issues/1000",
        upload(),
        mismatch(canonical(UPLOAD, content_type="text/plain;charset=UTF-8")),
        Code.CONTENT_TYPE_CHANGED,
    ),
    "policy of the session": (
        f"{_ISSUES}/aws-samples/serverless-patterns/pull/2457",
        report(signed()),
        body(
            "<Code>AccessDenied</Code><Message>User: arn:aws:sts::111122223333:assumed-role/presign/"
            "billing-3f2a9c0d1e4b is not authorized to perform: s3:GetObject on resource: "
            '"arn:aws:s3:::acme-reports/invoices/a" because no session policy allows the '
            "s3:GetObject action</Message>"
        ),
        Code.ACCESS_DENIED,
    ),
    "no such key": (
        "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        report(signed()),
        body(
            "<Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
            "<Key>invoices/a b.txt</Key>"
        ),
        Code.OBJECT_MISSING,
    ),
    "precondition": (
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html",
        upload(),
        body(
            "<Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you "
            "specified did not hold</Message><Condition>If-None-Match</Condition>"
        ),
        Code.OBJECT_EXISTS,
    ),
    "form, another field": (
        f"{_ISSUES}/dwilkie/carrierwave_direct/issues/209",
        FORM,
        body(
            "<Code>AccessDenied</Code><Message>Invalid according to Policy: Extra input fields: "
            "qqfilename</Message>"
        ),
        Code.FORM_REFUSED,
    ),
    "form, a condition": (
        f"{_ISSUES}/waynehoover/s3_direct_upload/issues/107",
        FORM,
        body(
            "<Code>AccessDenied</Code><Message>Invalid according to Policy: Policy Condition failed: "
            '["starts-with", "$content-type", ""]</Message>'
        ),
        Code.FORM_REFUSED,
    ),
    "form, late": (
        f"{_ISSUES}/aws/aws-sdk-ruby/issues/895",
        FORM,
        body(
            "<Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired."
            "</Message>"
        ),
        Code.EXPIRED,
    ),
    "form, too large": (
        f"{_ISSUES}/froala/wysiwyg-editor/issues/1625",
        FORM,
        body(
            "<Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum allowed "
            "size</Message><ProposedSize>99</ProposedSize><MaxSizeAllowed>20</MaxSizeAllowed>"
        ),
        Code.TOO_LARGE,
    ),
    "form, no file": (
        f"{_ISSUES}/itinance/react-native-fs/issues/992",
        FORM,
        body(
            "<Code>InvalidArgument</Code><Message>POST requires exactly one file upload per request."
            "</Message><ArgumentName>file</ArgumentName><ArgumentValue>0</ArgumentValue>"
        ),
        Code.FORM_MALFORMED,
    ),
    "form, signature": (
        "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        FORM,
        body(f"<Code>SignatureDoesNotMatch</Code><Message>{_SHOULD_NOT}</Message>"),
        Code.SIGNATURE_MISMATCH,
    ),
    "form, token": (
        "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        FORM,
        body(
            "<Code>InvalidToken</Code>"
            "<Message>The provided token is malformed or otherwise invalid.</Message>"
        ),
        Code.TOKEN_CHANGED,
    ),
}
