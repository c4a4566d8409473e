"""Errors in AWS's words, each below its source.

From an issue they are what S3 answered to its reporter, with the members that the service reads or
must not repeat. From AWS's pages they are a code with its description. Names and ids are made up.
"""

from dataclasses import replace
from typing import Any, Final

from service.diagnosis.findings import Code
from service.diagnosis.request import ReportedRequest
from service.signing.actions import PutObject
from tests.diagnosis.reports import (
    ADDRESS,
    FORM,
    NOW,
    UPLOAD,
    canonical,
    error,
    report,
    signed,
    upload,
)

_SHOULD_NOT: Final = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)
_MALFORMED_TOKEN: Final = "The provided token is malformed or otherwise invalid."
_UNSIGNED: Final = "There were headers present in the request which were not signed"
GLOBAL: Final = replace(ADDRESS, host="acme-reports.s3.amazonaws.com")
VIRGINIA: Final = replace(ADDRESS, region="us-east-1")


def mismatch(canonical_request: str) -> dict[str, Any]:
    """github.com/aws/aws-sdk-php/issues/1078 and github.com/cognitect-labs/aws-api/issues/5"""
    return error(
        "SignatureDoesNotMatch",
        _SHOULD_NOT,
        StringToSign="AWS4-HMAC-SHA256\n20260301T120000Z\n20260301/eu-west-1/s3/aws4_request\n9a6f",
        SignatureProvided="f0b5",
        CanonicalRequest=canonical_request,
    )


def policy(problem: str) -> dict[str, Any]:
    return error("AccessDenied", f"Invalid according to Policy: {problem}")


WORDS: Final[dict[str, tuple[ReportedRequest, dict[str, Any], Code]]] = {
    # github.com/lukejacksonn/react-slack-clone/issues/27
    "expired": (
        report(signed(now=NOW - 7200)),
        error("AccessDenied", "Request has expired", ServerTime="2026-03-01T12:00:42Z"),
        Code.EXPIRED,
    ),
    # github.com/minio/minio/issues/2638
    "not yet valid": (
        report(signed(now=NOW + 86_400)),
        error("AccessDenied", "Request is not yet valid", ServerTime="2026-03-01T12:00:00Z"),
        Code.NOT_YET_VALID,
    ),
    # github.com/craftcms/aws-s3/issues/182
    "token expired": (
        report(signed(now=NOW - 4000, expires_in=86_400)),
        error("ExpiredToken", "The provided token has expired.", **{"Token-0": "IQoJ"}),
        Code.SESSION_ENDED,
    ),
    # docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "token malformed": (
        report(signed().replace("Token=", "Token=A")),
        error("InvalidToken", _MALFORMED_TOKEN),
        Code.TOKEN_CHANGED,
    ),
    # github.com/odysseyscience/react-s3-uploader/issues/106
    "headers not signed": (
        upload(x_amz_acl="public-read"),
        error("AccessDenied", _UNSIGNED, HeadersNotSigned="x-amz-acl"),
        Code.HEADER_UNSIGNED,
    ),
    # github.com/aws/aws-sdk-js/issues/896
    "headers not signed, and not reported": (
        report(signed()),
        error(
            "AccessDenied",
            _UNSIGNED,
            HeadersNotSigned="x-amz-server-side-encryption, x-amz-content-sha256",
        ),
        Code.HEADER_UNSIGNED,
    ),
    # github.com/HHS/Head-Start-TTADP/issues/370
    "region, in the query": (
        report(signed(address=VIRGINIA)),
        error(
            "AuthorizationQueryParametersError",
            "Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is wrong; "
            "expecting 'eu-west-1'",
            Region="eu-west-1",
        ),
        Code.WRONG_REGION,
    ),
    # github.com/TTLabs/EvaporateJS/issues/364
    "region, in the header": (
        report(signed(address=VIRGINIA)),
        error(
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the region 'us-east-1' is wrong; "
            "expecting 'eu-west-1'",
            Region="eu-west-1",
        ),
        Code.WRONG_REGION,
    ),
    # docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    "lifetime": (
        report(signed().replace("Expires=900", "Expires=604801")),
        error(
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
            "must be less than 604800 seconds",
        ),
        Code.QUERY_MALFORMED,
    ),
    # github.com/kaliber-scala/play-s3/issues/73
    "a parameter short": (
        report(signed().replace("&X-Amz-Expires=900", "")),
        error(
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ),
        Code.QUERY_MALFORMED,
    ),
    # github.com/ravsau/aws-labs/issues/4
    "SigV2": (
        report(f"https://{ADDRESS.host}/a?AWSAccessKeyId=AKIA&Signature=c2ln&Expires=1999999999"),
        error(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. "
            "Please use AWS4-HMAC-SHA256.",
        ),
        Code.SIGNATURE_V2,
    ),
    # github.com/catalyst/moodle-tool_objectfs/issues/303
    "two ways at once": (
        report(signed(), headers={"Authorization": "Bearer abc"}),
        error(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified",
            ArgumentValue="Bearer abc",
        ),
        Code.TWO_AUTHORIZATIONS,
    ),
    # github.com/kislyuk/aegea/pull/51
    "redirect": (
        report(signed(address=GLOBAL)),
        error(
            "TemporaryRedirect",
            "Please re-send this request to the specified temporary endpoint. Continue to use the "
            "original request endpoint for future requests.",
            Endpoint="acme-reports.s3-eu-west-1.amazonaws.com",
        )
        | {"status": 307},
        Code.REDIRECTED,
    ),
    # github.com/aws/aws-sdk-js/issues/1376
    "permanent redirect": (
        report(signed()),
        error(
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified "
            "endpoint.",
            Endpoint="acme-reports.s3.eu-central-1.amazonaws.com",
        )
        | {"status": 301},
        Code.REDIRECTED,
    ),
    # github.com/aws/aws-sdk-js/issues/1908
    "a redirect that was followed": (
        report(signed(address=GLOBAL)),
        mismatch(
            canonical(PutObject(content_length=5))
            .replace("PUT\n", "GET\n")
            .partition("\ncontent-length")[0]
            + f"\nhost:{ADDRESS.host}\n\nhost\nUNSIGNED-PAYLOAD"
        ),
        Code.HOST_CHANGED,
    ),
    # github.com/versity/versitygw/issues/1514
    "clock skew": (
        report(signed()),
        error(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            RequestTime="20260301T110000Z",
            ServerTime="2026-03-01T12:00:42Z",
        ),
        Code.CLOCK_SKEW,
    ),
    # docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "key id": (
        report(signed()),
        error(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        Code.KEY_ID_UNKNOWN,
    ),
    # github.com/aws/aws-sdk-js-v3/issues/1000
    "a charset, by the canonical request": (
        upload(),
        mismatch(canonical(UPLOAD, content_type="text/plain;charset=UTF-8")),
        Code.CONTENT_TYPE_CHANGED,
    ),
    # github.com/aws-samples/serverless-patterns/pull/2457
    "policy of the session": (
        report(signed()),
        error(
            "AccessDenied",
            "User: arn:aws:sts::111122223333:assumed-role/presign/billing-3f2a9c0d1e4b is not "
            "authorized to perform: s3:GetObject on resource: "
            '"arn:aws:s3:::acme-reports/invoices/a" because no session policy allows the '
            "s3:GetObject action",
        ),
        Code.ACCESS_DENIED,
    ),
    # docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "no such key": (
        report(signed()),
        error("NoSuchKey", "The specified key does not exist."),
        Code.OBJECT_MISSING,
    ),
    # docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    "precondition": (
        upload(),
        error(
            "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
        ),
        Code.OBJECT_EXISTS,
    ),
    # github.com/dwilkie/carrierwave_direct/issues/209
    "form, another field": (FORM, policy("Extra input fields: qqfilename"), Code.FORM_REFUSED),
    # github.com/waynehoover/s3_direct_upload/issues/107
    "form, a condition": (
        FORM,
        policy('Policy Condition failed: ["starts-with", "$content-type", ""]'),
        Code.FORM_REFUSED,
    ),
    # github.com/aws/aws-sdk-ruby/issues/895
    "form, late": (FORM, policy("Policy expired."), Code.EXPIRED),
    # github.com/froala/wysiwyg-editor/issues/1625
    "form, too large": (
        FORM,
        error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
        Code.TOO_LARGE,
    ),
    # github.com/itinance/react-native-fs/issues/992
    "form, no file": (
        FORM,
        error("InvalidArgument", "POST requires exactly one file upload per request."),
        Code.FORM_MALFORMED,
    ),
    # docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "form, signature": (FORM, error("SignatureDoesNotMatch", _SHOULD_NOT), Code.SIGNATURE_MISMATCH),
    # The same page
    "form, token": (FORM, error("InvalidToken", _MALFORMED_TOKEN), Code.TOKEN_CHANGED),
}
