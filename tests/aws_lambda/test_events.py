"""What each kind of event says about the request, with AWS's differences between them."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.aws_lambda.events import ResultKind, UnreadableEvent, read_event, write_result
from tests.support.lambda_events import CLIENT, Kind, event_of

EVERY_KIND = pytest.mark.parametrize("kind", list(Kind))


@EVERY_KIND
@pytest.mark.parametrize(
    ("sent", "raw_path", "path"),
    [
        ("/o/demo/a%20b.txt", b"/o/demo/a%20b.txt", "/o/demo/a b.txt"),
        ("/o/demo/100%2541", b"/o/demo/100%2541", "/o/demo/100%41"),
        ("/o/demo//a", b"/o/demo//a", "/o/demo//a"),
        ("/o/demo/%C3%A9", b"/o/demo/%C3%A9", "/o/demo/é"),
        ("/o/demo/a%23b", b"/o/demo/a%23b", "/o/demo/a#b"),
    ],
)
def test_the_path_is_decoded_once(kind: Kind, sent: str, raw_path: bytes, path: str) -> None:
    request = read_event(event_of(kind, "GET", sent))
    assert (request.raw_path, request.path) == (raw_path, path)


@EVERY_KIND
def test_the_query_means_the_same(kind: Kind) -> None:
    request = read_event(event_of(kind, "GET", "/o/demo/?after=a%26b%20c%2Bd&after=x&flag="))
    assert request.query == b"after=a%26b%20c%2Bd&after=x&flag="


@EVERY_KIND
def test_half_a_character_in_the_query_is_no_failure(kind: Kind) -> None:
    event = event_of(kind, "GET", "/o/demo/?a=b")
    if kind in {Kind.HTTP_API, Kind.FUNCTION_URL}:
        event["rawQueryString"] = "a=\ud800"
    else:
        event["multiValueQueryStringParameters"] = {"a": ["\ud800"]}
    assert read_event(event).query in {b"a=\xed\xa0\x80", b"a=%ED%A0%80"}


@EVERY_KIND
def test_the_client_is_the_address_that_aws_saw(kind: Kind) -> None:
    headers = [("x-forwarded-for", "192.0.2.66")]
    assert read_event(event_of(kind, "GET", "/", headers)).client == CLIENT


@EVERY_KIND
def test_a_binary_body_arrives_as_it_was_sent(kind: Kind) -> None:
    assert read_event(event_of(kind, "PUT", "/o/demo/a", body=b"\xff\x00")).body == b"\xff\x00"


@pytest.mark.parametrize("kind", [Kind.REST_API, Kind.LOAD_BALANCER])
def test_repeated_headers_stay_apart(kind: Kind) -> None:
    headers = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
    sent = read_event(event_of(kind, "GET", "/", headers)).headers
    assert [v for n, v in sent if n == b"authorization"] == [b"Bearer a", b"Bearer b"]


@pytest.mark.parametrize(
    ("stage", "domain", "raw_path", "path"),
    [
        ("prod", "a1.execute-api.eu-west-1.amazonaws.com", "/prod/v1/caller", "/v1/caller"),
        ("v1", "a1.execute-api.eu-west-1.amazonaws.com", "/v1/v1/caller", "/v1/caller"),
        ("prod", "a1.execute-api.eu-west-1.amazonaws.com", "/prod", "/"),
        ("prod", "a1.execute-api.eu-west-1.amazonaws.com", "/production/a", "/production/a"),
        ("v1", "files.example.com", "/v1/caller", "/v1/caller"),
    ],
)
def test_the_stage_of_an_http_api_is_removed(
    stage: str, domain: str, raw_path: str, path: str
) -> None:
    event = event_of(Kind.HTTP_API, "GET", raw_path)
    event["requestContext"] |= {"stage": stage, "domainName": domain}
    assert read_event(event).path == path


@EVERY_KIND
@pytest.mark.parametrize(
    ("sent", "path"),
    [("/signing/v1/caller", "/v1/caller"), ("/signing", "/"), ("/signings/a", "/signings/a")],
)
def test_the_base_path_is_removed(kind: Kind, sent: str, path: str) -> None:
    assert read_event(event_of(kind, "GET", sent), "/signing").path == path


def test_an_http_api_with_payload_1_decodes_the_path_too() -> None:
    event = event_of(Kind.REST_API, "GET", "/o/demo/100%41") | {"version": "1.0"}
    assert read_event(event).raw_path == b"/o/demo/100%2541"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (None, "it is no object"),
        ([], "it is no object"),
        ({}, "httpMethod: Field required"),
        ({"version": "2.0"}, "rawPath: Field required"),
        ({"Records": [{"eventSource": "aws:s3"}]}, "httpMethod: Field required"),
        (event_of(Kind.HTTP_API, "GET", "/") | {"headers": 5}, "headers: Input should be a"),
        (
            event_of(Kind.HTTP_API, "PUT", "/") | {"body": "no=base64", "isBase64Encoded": True},
            "body: it is not base64",
        ),
    ],
)
def test_an_event_of_unknown_shape_is_refused(event: object, message: str) -> None:
    with pytest.raises(UnreadableEvent, match=message):
        read_event(event)


def test_a_refusal_quotes_nothing_of_the_event() -> None:
    event = event_of(Kind.HTTP_API, "GET", "/") | {"rawPath": ["sentinel"]}
    with pytest.raises(UnreadableEvent) as refused:
        read_event(event)
    assert "sentinel" not in str(refused.value)


HEADERS = [(b"www-authenticate", b"Basic"), (b"www-authenticate", b"Bearer"), (b"connection", b"x")]


@pytest.mark.parametrize(
    ("result", "written"),
    [
        ("single", {"headers": {"www-authenticate": "Basic, Bearer"}}),
        ("multiple", {"multiValueHeaders": {"www-authenticate": ["Basic", "Bearer"]}}),
        (
            "load_balancer",
            {
                "headers": {"www-authenticate": "Basic, Bearer"},
                "statusDescription": "401 Unauthorized",
            },
        ),
        (
            "load_balancer_multiple",
            {
                "multiValueHeaders": {"www-authenticate": ["Basic", "Bearer"]},
                "statusDescription": "401 Unauthorized",
            },
        ),
    ],
)
def test_a_result_has_the_headers_that_its_kind_reads(
    result: ResultKind, written: dict[str, Any]
) -> None:
    expected = {"statusCode": 401, "body": "a", "isBase64Encoded": False, **written}
    assert write_result(result, 401, HEADERS, b"a") == expected


def test_a_status_without_a_standard_phrase_is_written() -> None:
    assert write_result("load_balancer", 419, [], b"")["statusDescription"] == "419"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@EVERY_KIND
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_any_change_of_an_event_is_a_request_or_unreadable(kind: Kind, data: st.DataObject) -> None:
    event = event_of(kind, "PUT", "/o/demo/a?b=c", {"authorization": "Bearer a"}, b"body")
    place = data.draw(st.sampled_from([event, event["requestContext"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    try:
        request = read_event(event)
    except UnreadableEvent:
        return
    assert request.raw_path.isascii()
    assert request.path


def test_a_body_that_is_no_text_is_encoded() -> None:
    written = write_result("single", 200, [], b"\xff")
    assert written["isBase64Encoded"]
    assert base64.b64decode(written["body"]) == b"\xff"
