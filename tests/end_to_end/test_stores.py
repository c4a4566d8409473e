"""What the other end-to-end tests rely on: the stores run, issue sessions and, except moto, verify.

botocore signs here, so that a failure is the store's and not ours.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.support import processes, stores
from tests.support.processes import StartError
from tests.support.stores import BODY, Store, client, keys_of
from tests.support.waiting import PATIENCE


@pytest.fixture(name="key")
def _key(store: Store) -> str:
    key = f"stores/{uuid4()} ü+&.txt"
    store.put(key)
    return key


def session(store: Store) -> dict[str, str]:
    with closing(client("sts", store.sts_endpoint_url, store.credentials)) as sts:
        answer = sts.assume_role(RoleArn=store.role_arn, RoleSessionName="test")
    return keys_of(answer["Credentials"])


def presign(store: Store, credentials: dict[str, str], operation: str, key: str) -> str:
    with closing(client("s3", store.endpoint_url, credentials)) as s3:
        url: str = s3.generate_presigned_url(
            operation, Params={"Bucket": store.bucket, "Key": key}, ExpiresIn=3600
        )
    return url


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=30)


def test_a_session_puts_and_gets_by_presigned_url(store: Store, key: str) -> None:
    given = session(store)
    url = presign(store, given, "put_object", key)
    assert httpx.put(url, content=b"by session", trust_env=False, timeout=30).status_code == 200
    assert get(presign(store, given, "get_object", key)).content == b"by session"
    assert store.content(key) == b"by session"


def test_other_signatures_and_other_credentials_are_refused(store: Store, key: str) -> None:
    stranger = {"aws_access_key_id": "AKIASTRANGERSTRANGER", "aws_secret_access_key": "unknown"}
    url = presign(store, session(store), "get_object", key)
    assert get(url).content == BODY
    assert get(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 403
    # The base credentials may only assume the role. moto enforces no policy.
    refused = [stranger] if store.name == "moto" else [stranger, store.credentials]
    for credentials in refused:
        assert get(presign(store, credentials, "get_object", key)).status_code == 403


def test_a_store_that_fails_to_start_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    with (
        pytest.raises(StartError, match="no such thing"),
        processes.run_process(command, tmp_path, "http://127.0.0.1:9"),
    ):
        pytest.fail("it never ran")


def test_a_missing_ministack_fails_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTS_MINISTACK", str(tmp_path / "python"))
    with pytest.raises(StartError, match="make test"), stores.ministack(tmp_path):
        pytest.fail("it never ran")


def test_servers_end_with_a_run_that_is_killed() -> None:
    script = (
        "import subprocess, time\n"
        "from tests.support.processes import ended_with_us\n"
        "child = subprocess.Popen(['/bin/sh', '-c', 'sleep 600 & wait'], start_new_session=True)\n"
        "with ended_with_us(child):\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert run.stdout
    with run.stdout as output:
        child = int(output.readline())
        run.kill()
        run.wait()
        ends, _, _ = select.select([output], [], [], PATIENCE)  # once no process holds the pipe
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    assert ends


def test_children_that_ignore_sigterm_are_killed() -> None:
    script = "trap '' TERM; sleep 60 & echo up; wait"
    process = subprocess.Popen(
        ["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    with process.stdout as output:
        assert output.readline() == b"up\n"
        processes.stop_process(process)
        assert output.read() == b""  # the end of the pipe: no process holds it any more
