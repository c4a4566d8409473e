"""Forms: the store accepts what a browser should send, and refuses changes.

SeaweedFS 4.48 refuses every form with a session token, so it gets forms signed with static keys;
MiniStack gets those of a session.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.support.service import RunningService, post_form, run_service
from tests.support.stores import BODY, ROOT_KEYS, Store

Fields = dict[str, str]


@pytest.fixture(name="forms", scope="module")
def _forms(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    root = {name.upper(): value for name, value in ROOT_KEYS.items()}
    static: dict[str, Any] = {"environment": root, "credentials": "static", "role_arn": None}
    more = static if store.name == "seaweedfs" else {}
    with run_service(store, tmp_path_factory.mktemp("forms"), **more) as service:
        yield service


def form(service: RunningService, **more: Any) -> dict[str, Any]:
    requested = {
        "key_prefix": "forms/",
        "filename": "a b.txt",
        "max_content_length": 100,
        "content_type": "text/plain",
        "success_status": 201,
        "metadata": {"author": "Ann"},
        **more,
    }
    given = {name: value for name, value in requested.items() if value is not None}
    return service.post("upload-forms", **given)


def test_a_form_uploads_what_a_browser_sends(forms: RunningService, store: Store) -> None:
    signed = form(forms)
    answer = post_form(signed["url"], signed["fields"], BODY)
    assert answer.status_code == 201, answer.text
    assert store.content(signed["key"]) == BODY
    head = store.head(signed["key"])
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"author": "Ann"})


def test_a_form_lets_the_browser_name_the_file(forms: RunningService, store: Store) -> None:
    signed = form(forms, filename=None)
    assert post_form(signed["url"], signed["fields"], BODY).status_code == 201
    key = signed["key"].replace("${filename}", "name.txt")
    assert store.content(key) == BODY


def test_a_form_without_a_type_has_the_default(forms: RunningService, store: Store) -> None:
    signed = form(forms, content_type=None)
    assert signed["fields"]["Content-Type"] == "application/octet-stream"
    assert post_form(signed["url"], signed["fields"], BODY).status_code == 201
    # SeaweedFS treats the default as no type at all, and uses that of the file's part.
    expected = "text/plain" if store.name == "seaweedfs" else "application/octet-stream"
    assert store.head(signed["key"])["ContentType"].partition(";")[0] == expected


@pytest.mark.parametrize(("kind", "status"), [("image/png", 201), ("text/html", 403)])
def test_a_form_may_leave_the_type_open_below_a_prefix(
    forms: RunningService, kind: str, status: int
) -> None:
    signed = form(forms, content_type=None, content_type_prefix="image/")
    answer = post_form(signed["url"], {**signed["fields"], "Content-Type": kind}, BODY)
    assert answer.status_code == status


def test_a_form_with_tags_is_accepted(forms: RunningService, store: Store) -> None:
    """AWS keeps a form's tags; no store here does, and SeaweedFS does not support the field."""
    signed = form(forms, tags={"team": "a b"})
    answer = post_form(signed["url"], signed["fields"], BODY)
    if store.name == "seaweedfs":
        assert "unknown condition key" in answer.text
    else:
        assert answer.status_code == 201


def field(name: str, value: str | None) -> Callable[[Fields], Fields]:
    """Change or add a value; None removes it."""

    def mutate(fields: Fields) -> Fields:
        others = {other: given for other, given in fields.items() if other != name}
        return others if value is None else {**others, name: value}

    return mutate


MUTATIONS: Final[dict[str, Callable[[Fields], Fields]]] = {
    "key": field("key", "forms/another.txt"),
    "key left out": field("key", None),
    "type": field("Content-Type", "text/html"),
    "type left out": field("Content-Type", None),
    "metadata": field("x-amz-meta-author", "Bob"),
    "metadata left out": field("x-amz-meta-author", None),
    "metadata added": field("x-amz-meta-other", "x"),
    "success status": field("success_action_status", "200"),
    "redirect added": field("success_action_redirect", "https://evil.example/"),
    "acl added": field("acl", "public-read"),
    "algorithm": field("x-amz-algorithm", "AWS4-HMAC-SHA1"),
    "credential": field("x-amz-credential", "AKIAX/20260101/eu-west-1/s3/aws4_request"),
    "date": field("x-amz-date", "20200101T000000Z"),
    "signature": field("x-amz-signature", "0" * 64),
    "signature left out": field("x-amz-signature", None),
    "policy left out": field("policy", None),
}
# (store, mutation): why the store accepts it. The other store refuses each.
EXCEPTIONS: Final[dict[tuple[str, str], str]] = {
    ("seaweedfs", "redirect added"): "SeaweedFS 4.48 lets fields by that no condition names",
    ("seaweedfs", "acl added"): "SeaweedFS 4.48 lets fields by that no condition names",
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_form_with_another_field_is_refused(
    forms: RunningService, store: Store, name: str
) -> None:
    signed = form(forms)
    answer = post_form(signed["url"], MUTATIONS[name](signed["fields"]), BODY)
    refused = answer.status_code in {400, 401, 403}
    assert refused is ((store.name, name) not in EXCEPTIONS), f"{answer.status_code} {answer.text}"


@pytest.mark.parametrize(("least", "body"), [(0, b"x" * 101), (5, b"x" * 4)])
def test_a_form_refuses_a_file_of_another_size(
    forms: RunningService, least: int, body: bytes
) -> None:
    signed = form(forms, min_content_length=least)
    assert post_form(signed["url"], signed["fields"], body).status_code == 400


def test_two_forms_do_not_share_a_key(forms: RunningService) -> None:
    assert len({form(forms)["key"] for _ in range(3)}) == 3
    assert len(form(forms)["key"].split("/")[1]) == 32  # 128 bits in hex
