"""An upload is stored, the store puts its event into a queue, and a replica notifies the hook."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from service.protocols.arrivals.queue import QueueUnavailable
from service.protocols.arrivals.settings import queue_of
from service.protocols.arrivals.sqs import SqsQueue
from service.sessions.source import session_name
from tests.protocols.arrivals.factories import SECRET, body_of, make_record
from tests.support.queues import FilledQueue, arrivals_of, queue_filled_by
from tests.support.receiving_hook import ReceivingHook
from tests.support.service import RunningService, run_service, send
from tests.support.socket_server import wait_until
from tests.support.stores import REGION, ROLE, Store, client, new_user

KEY: Final = "in/a b+ä%.txt"


@dataclass(frozen=True)
class Setup:
    service: RunningService
    hook: ReceivingHook
    queue: FilledQueue
    log: Path


@pytest.fixture(name="setup", scope="module")
def _setup(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    hook, directory = ReceivingHook(SECRET), tmp_path_factory.mktemp("arrivals")
    with ExitStack() as stack:
        url = stack.enter_context(hook.serving())
        queue = stack.enter_context(queue_filled_by(ministack, "uploads"))
        top = {"arrivals": arrivals_of(queue, url, "in")}
        environment = {"AWS_REGION": REGION}
        service = stack.enter_context(run_service(ministack, directory, environment, top=top))
        yield Setup(service, hook, queue, directory / "output.log")


def test_an_upload_by_a_signed_url_reaches_its_hook(setup: Setup, ministack: Store) -> None:
    signed = setup.service.sign("upload-urls", key=KEY, content_length=5)
    assert send(signed, b"hello").is_success
    data = setup.hook.wait_for(KEY).event["data"]
    etag = ministack.head(KEY)["ETag"].strip('"')
    assert (data["bucket"], data["size"], data["etag"]) == ("objects", 5, etag)
    assert "caller" not in data  # MiniStack's records name nobody
    wait_until(lambda: setup.queue.left() == 0)
    log = setup.log.read_text()
    assert ("of-in" in log, SECRET in log) == (False, False)


async def test_an_identity_that_may_only_receive_is_found(
    setup: Setup, ministack: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = ["sqs:ReceiveMessage", "sqs:GetQueueAttributes"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for name, value in new_user(ministack, "receives", policy).items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("AWS_REGION", REGION)
    queue = SqsQueue(queue_of(setup.queue.url))
    assert (await queue.state()).max_receives is None
    with pytest.raises(QueueUnavailable, match="AccessDenied"):
        await queue.try_to_settle()
    await queue.close()


def test_a_record_as_aws_writes_it_names_the_caller(setup: Setup, ministack: Store) -> None:
    """By the id of the role, as IAM has it, and the name of the session that signs."""
    setup.service.sign("upload-urls", key="in/b", content_length=5)
    session = session_name((None, "tests"))
    assert f'"session_name":"{session}"' in setup.log.read_text().replace(" ", "")
    with closing(client("iam", ministack.endpoint_url)) as iam:
        role_id = iam.get_role(RoleName=ROLE)["Role"]["RoleId"]
    who = {"principalId": f"AWS:{role_id}:{session}"}
    record = make_record(key="in/b", bucket=ministack.bucket, userIdentity=who)
    setup.queue.put(body_of(record))
    assert setup.hook.wait_for("in/b").event["data"]["caller"] == "tests"
