"""The rules of the document: its examples and its problems."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jsonschema_rs import Draft202012Validator

from service.api.problems import Problems
from tests.contract.reading import (
    Json,
    example_values,
    examples,
    operations,
    replies,
    without_unknown_fields,
)

# Examples


def test_every_body_has_an_example(document: Json) -> None:
    bodies = [(path, operation.get("requestBody", {})) for path, operation in operations(document)]
    bodies += [(f"{path} {status}", reply) for path, status, reply in replies(document)]
    for at, body in bodies:
        assert all(media.get("examples") for media in body.get("content", {}).values()), at


def test_every_example_is_valid_and_has_no_unknown_field(document: Json) -> None:
    components = without_unknown_fields(document)["components"]
    for at, schema, value in examples(document):
        assert errors({**schema, "components": components}, value) == [], at


def errors(schema: Json, value: Any) -> list[str]:
    validator = Draft202012Validator(schema, validate_formats=True)
    return [error.message for error in validator.iter_errors(value)]


def test_examples_are_checked_for_dates_and_unknown_fields(document: Json) -> None:
    components = without_unknown_fields(document)["components"]
    schema = {"$ref": "#/components/schemas/PresignedRequest", "components": components}
    good = {
        "method": "GET",
        "url": "https://x/",
        "headers": {},
        "expires_at": "2026-03-01T12:15:00Z",
    }
    assert errors(schema, good) == []
    assert errors(schema, good | {"expires_at": "tomorrow"})
    assert errors(schema, good | {"limitd_by": "session"})


def test_an_example_signs_exactly_the_headers_to_send(document: Json) -> None:
    for request in example_values(document):
        if "method" in request and "headers" in request and "response_status" not in request:
            query = parse_qs(urlsplit(request["url"]).query)
            also = {"host"} | ({"content-length"} if "content_length" in request else set())
            (signed,) = query["X-Amz-SignedHeaders"]
            assert signed.split(";") == sorted(request["headers"].keys() | also), request["url"]


def test_an_example_expires_when_it_says(document: Json) -> None:
    for answer in example_values(document):
        # The parts of an upload are signed together, for one lifetime.
        for request in answer.get("parts", [answer]):
            if "method" not in request or "expires_at" not in answer:
                continue  # a form, or a share link
            query = parse_qs(urlsplit(request["url"]).query)
            (date,), (seconds,) = query["X-Amz-Date"], query["X-Amz-Expires"]
            signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            expires_at = signed_at + timedelta(seconds=int(seconds))
            assert answer["expires_at"] == f"{expires_at:%Y-%m-%dT%H:%M:%SZ}"


def test_an_example_of_a_batch_counts_its_failures(document: Json) -> None:
    for batch in example_values(document):
        if "results" in batch:
            assert [len(result) for result in batch["results"]] == [2] * len(batch["results"])
            assert batch["failed"] == sum("problem" in result for result in batch["results"])


def test_secrets_in_examples_are_made_up(document: Json) -> None:
    text = json.dumps([value for _, _, value in examples(document)])
    secrets = re.findall(
        '(?i)(?:x-amz-(?:credential|security-token|signature)|policy)(?:=|": ")([^&/%"]+)', text
    )
    assert secrets
    assert [secret for secret in secrets if not secret.endswith("EXAMPLE")] == []


# Problems


def problem_examples(document: Json) -> Iterator[tuple[str, Json]]:
    for _, status, reply in replies(document):
        for media in reply.get("content", {}).values():
            for example in media["examples"].values():
                if "code" in example["value"]:
                    yield status, example["value"]


def test_a_reply_of_one_status_shows_problems_of_that_status(document: Json) -> None:
    for status, example in problem_examples(document):
        if status.isdigit():
            assert str(example["status"]) == status, example["code"]


def test_problem_examples_are_what_the_service_answers(document: Json) -> None:
    for example in example_values(document):
        if "code" in example and "proven" not in example:
            assert example.items() >= Problems().problem(example["code"], example["detail"]).items()


def test_every_code_is_listed_explained_and_shown(document: Json) -> None:
    described = document["components"]["schemas"]["Problem"]["properties"]["code"]["description"]
    listed = set(re.findall("`([a-z_]+)`", described))
    explained = set(re.findall(r"\| \d{3} \| `([a-z_]+)` \|", document["info"]["description"]))
    shown = {example["code"] for _, example in problem_examples(document)}
    assert listed == explained == shown


def test_the_table_of_problems_has_the_status_of_every_code(document: Json) -> None:
    table = re.findall(r"\| (\d{3}) \| `([a-z_]+)` \|", document["info"]["description"])
    assert [int(status) for status, _ in table] == [
        Problems().problem(code, "")["status"] for _, code in table
    ]
