"""The rules of the document: its operations."""

import re

from tests.contract.reading import Json, operations, replies, resolve

# Operations


def test_paths_are_kebab_case_under_v1(document: Json) -> None:
    shape = r"/v1(/[a-z]+(-[a-z]+)*(/\{[a-z]+(_[a-z]+)*\})?)+"
    assert [path for path in document["paths"] if not re.fullmatch(shape, path)] == []


def test_operation_ids_are_lower_camel_and_unique(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert [name for name in ids if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []
    assert len(set(ids)) == len(ids)


def test_an_operation_has_the_tag_of_its_resource_and_no_other(document: Json) -> None:
    tags: dict[str, set[str]] = {}
    for path, operation in operations(document):
        (tag,) = operation["tags"]
        tags.setdefault(tag, set()).add(path.partition("/{")[0].removesuffix("/batch"))
    assert {tag: paths for tag, paths in tags.items() if len(paths) > 1} == {}
    assert list(tags) == [tag["name"] for tag in document["tags"]]


def test_operations_have_a_summary_and_a_description(document: Json) -> None:
    assert [
        path for path, each in operations(document) if not each.keys() >= {"summary", "description"}
    ] == []


def test_a_post_has_a_body_and_no_other_method(document: Json) -> None:
    # Clients and proxies may drop the body of a GET or a DELETE.
    methods = {
        (method, "requestBody" in operation)
        for item in document["paths"].values()
        for method, operation in item.items()
    }
    assert methods == {("post", True), ("get", False), ("delete", False)}


def test_a_batch_takes_what_the_single_call_takes(document: Json) -> None:
    def body(path: str) -> Json:
        content = document["paths"][path]["post"]["requestBody"]["content"]
        return resolve(document, content["application/json"]["schema"]["$ref"])

    for path in document["paths"]:
        if path.endswith("/batch"):
            items = body(path)["properties"]["items"]
            assert resolve(document, items["items"]["$ref"]) is body(path.removesuffix("/batch"))
            assert (items["minItems"], items["maxItems"]) == (1, 1000)


def test_every_operation_documents_its_one_success_and_the_same_failures(document: Json) -> None:
    successes = {"createMultipartUpload": "201", "abortMultipartUpload": "204"}
    for path, operation in operations(document):
        success = successes.get(operation["operationId"], "200")
        assert operation["responses"].keys() == {success, "429", "503", "4XX", "5XX"}, path


def test_a_reply_has_a_body_unless_it_says_that_it_has_none(document: Json) -> None:
    bare = [status for _, status, reply in replies(document) if "content" not in reply]
    assert bare == ["204"]


def test_parameters_are_required_and_described(document: Json) -> None:
    parameters = [
        parameter
        for _, operation in operations(document)
        for parameter in operation.get("parameters", [])
    ]
    assert parameters
    assert all(each["required"] and each["description"] for each in parameters)
    assert {(each["in"], each["name"]) for each in parameters} == {
        ("path", "upload_id"),
        ("query", "bucket"),
        ("query", "key"),
    }


def test_every_failure_is_a_problem(document: Json) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, status, reply in replies(document):
        if not status.startswith("2"):
            assert list(reply["content"]) == ["application/problem+json"], (path, status)
            assert reply["content"]["application/problem+json"]["schema"] == problem, (path, status)


def test_every_reply_carries_a_request_id(document: Json) -> None:
    assert [
        (path, status)
        for path, status, each in replies(document)
        if "X-Request-ID" not in each["headers"]
    ] == []


def test_who_is_told_to_wait_is_told_how_long(document: Json) -> None:
    for path, status, reply in replies(document):
        assert ("Retry-After" in reply["headers"]) == (status in {"429", "503"}), (path, status)
