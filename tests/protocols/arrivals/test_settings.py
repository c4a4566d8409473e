"""The section says which hook is notified of what, and shows neither addresses nor secrets."""

from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from service.app.protocol_values import values_without_keys
from service.app.settings import Settings
from service.protocols import arrivals
from service.protocols.arrivals.hooks import ArrivalsValues
from service.protocols.arrivals.queue import Queue
from service.protocols.arrivals.records import Happened
from service.protocols.arrivals.settings import queue_of
from tests.protocols import sections
from tests.protocols.arrivals.factories import OTHER_SECRET, SECRET
from tests.protocols.sections import BUCKET
from tests.support.app import make_app_settings

OFF: Final[dict[str, Any]] = {"hooks": {}}
NOTIFY: Final[dict[str, Any]] = {"bucket": "demo", "prefix": "", "allow": ["notify"]}
HOOK: Final[dict[str, Any]] = {
    "bucket": "demo",
    "prefix": "in/",
    "url": "https://hooks.example/a?b=c",
    "secret": SECRET,
}


def settings_of(hook: dict[str, Any] | None = None, **more: Any) -> Settings:
    hooks = more.pop("hooks", {"billing": HOOK | (hook or {})})
    return make_app_settings(arrivals={"hooks": hooks, **more})


def checked(directory: Path, *grants: dict[str, Any], **section: Any) -> tuple[int, str]:
    """Return the exit code and output of `presign check`."""
    caller = sections.of_key("tester", *grants)
    arrivals = None if section == OFF else {"hooks": {"billing": HOOK}} | section
    return sections.checked(directory, caller, buckets={"demo": BUCKET}, arrivals=arrivals)


def values_of(settings: Settings) -> ArrivalsValues:
    found: ArrivalsValues = values_without_keys(settings)[arrivals.PROTOCOL]
    return found


def test_a_hook_is_told_of_created_objects_by_default() -> None:
    hook = values_of(settings_of()).hooks["billing"]
    assert (hook.name, hook.bucket, hook.prefix) == ("billing", "demo", "in/")
    assert (hook.events, len(hook.keys)) == (frozenset({Happened.CREATED}), 1)


def test_two_secrets_sign_during_a_rotation() -> None:
    hook = values_of(settings_of({"secret": [SECRET, OTHER_SECRET]})).hooks["billing"]
    assert hook.keys == (b"k" * 32, b"o" * 24)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "https://user@hooks.example/",
        "https://user:sentinel@hooks.example/",
        "https://hooks.example/#sentinel",
        "https://hooks.example/#",
        "https://169.254.169.254/sentinel",
        "https://2852039166/",
        "https://[::ffff:169.254.169.254]/",
        "https://metadata.google.internal/",
        "https:///sentinel",
        "ftp://hooks.example/",
        "https://hooks.example/a b",
    ],
)
def test_an_address_that_no_hook_may_have_is_refused_unseen(tmp_path: Path, url: str) -> None:
    code, output = checked(tmp_path, hooks={"billing": HOOK | {"url": url}})
    assert code == 1
    assert "arrivals.hooks.billing.url: write an https URL" in output
    assert "sentinel" not in output


@pytest.mark.parametrize("secret", ["sentinel", [], [SECRET] * 3, "whsec_sentinel", 7])
def test_a_wrong_secret_is_refused_unseen(tmp_path: Path, secret: Any) -> None:
    code, output = checked(tmp_path, hooks={"billing": HOOK | {"secret": secret}})
    assert code == 1
    assert "arrivals.hooks.billing.secret" in output
    assert "sentinel" not in output
    assert SECRET not in output


def test_the_same_hook_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="a and b are the same"):
        settings_of(hooks={"a": HOOK, "b": HOOK})


def test_neither_address_nor_secret_of_a_hook_is_shown() -> None:
    shown = f"{settings_of()!r} {values_of(settings_of())!r}"
    assert "hooks.example" not in shown
    assert SECRET not in shown
    assert "kkkk" not in shown


def test_a_section_without_hooks_is_refused() -> None:
    with pytest.raises(ValidationError):
        settings_of(hooks={})


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        (
            "https://sqs.eu-west-1.amazonaws.com/111122223333/events",
            "eu-west-1",
            "https://sqs.eu-west-1.amazonaws.com",
        ),
        (
            "https://sqs-fips.us-east-2.amazonaws.com/1/q",
            "us-east-2",
            "https://sqs-fips.us-east-2.amazonaws.com",
        ),
        (
            "https://vpce-1.sqs.cn-north-1.amazonaws.com.cn/1/q",
            "cn-north-1",
            "https://vpce-1.sqs.cn-north-1.amazonaws.com.cn",
        ),
        ("http://127.0.0.1:9324/1/q", "ap-south-1", "http://127.0.0.1:9324"),
    ],
)
def test_the_host_of_a_queue_names_its_region(
    monkeypatch: pytest.MonkeyPatch, url: str, region: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    assert queue_of(url) == Queue(url=url, region=region, endpoint_url=endpoint)


def test_another_queue_needs_a_restart() -> None:
    queues = ["https://sqs.eu-west-1.amazonaws.com/1/a", "https://sqs.eu-west-1.amazonaws.com/1/b"]
    old, new = (values_of(settings_of(queue_url=url)) for url in queues)
    assert arrivals.PROTOCOL.restart(old, new) == ["arrivals.queue_url"]
    assert arrivals.PROTOCOL.restart(old, old) == []


def test_check_says_who_is_told_and_who_may_tell(tmp_path: Path) -> None:
    url = "https://hooks.example:8443/path-secret?query-secret"
    queue_url = "https://sqs.eu-west-1.amazonaws.com/1/q"
    hooks = {"billing": HOOK | {"url": url}}
    code, output = checked(tmp_path, NOTIFY, queue_url=queue_url, hooks=hooks)
    assert code == 0
    said = "hook billing at hooks.example:8443 is notified of what is created in demo/in/"
    assert f"arrivals: {said}" in output
    assert "arrivals: events come by a queue and pushes" in output
    assert "push events of demo/" in output
    assert all(secret not in output for secret in ("path-secret", "query-secret", SECRET))


@pytest.mark.parametrize(
    ("grants", "section", "said"),
    [
        ([NOTIFY], OFF, "allows `notify`, but there is no section `arrivals`"),
        ([], {}, "no event arrives: there is no queue_url"),
    ],
)
def test_check_warns_of_arrivals_in_vain(
    tmp_path: Path, grants: list[dict[str, Any]], section: dict[str, Any], said: str
) -> None:
    code, output = checked(tmp_path, *grants, **section)
    assert (code, said in output) == (0, True), output
