"""What MLflow's client sends, by hand, to stores that verify signatures."""

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.support.service import RunningService, run_service
from tests.support.stores import Store

API: Final = "/api/2.0/mlflow-artifacts"
MIB: Final = 1024**2
PARTS: Final = (b"a" * (5 * MIB), b"b" * 17)


@pytest.fixture(name="mlflow", scope="module")
def _mlflow(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    top = {"mlflow": {"roots": {"team": {"bucket": "objects", "prefix": "mlflow/"}}}}
    with run_service(verifying_store, tmp_path_factory.mktemp("mlflow"), top=top) as service:
        yield service


def call(mlflow: RunningService, method: str, path: str, **more: Any) -> Any:
    answer = mlflow.client.request(method, f"{API}{path}", **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(mlflow: RunningService) -> dict[str, int | None]:
    files = call(mlflow, "GET", "/artifacts", params={"path": "team/run"})["files"]
    return {each["path"]: each.get("file_size") for each in files}


def test_a_run_is_logged_read_and_deleted(mlflow: RunningService) -> None:
    with httpx.Client(trust_env=False, timeout=60) as client:  # the store gets no Authorization
        small = mlflow.client.put(f"{API}/artifacts/team/run/a%20b%2Bc.txt", content=b"small")
        content_type = {"content-length": "5"}
        sent = client.put(small.headers["location"], content=b"small", headers=content_type)
        assert sent.status_code == 200
        for _ in range(2):  # the second one replaces the first
            call(mlflow, "PUT", "/artifacts/team/run/empty.txt", content=iter([b""]))
        upload = {"path": "/tmp/model.pkl", "num_parts": len(PARTS)}
        created = call(mlflow, "POST", "/mpu/create/team/run", json=upload)
        parts = []
        for each, content in zip(created["credentials"], PARTS, strict=True):
            etag = client.put(each["url"], content=content).headers["etag"]
            parts.append({"part_number": each["part_number"], "etag": etag, "url": each["url"]})
        completion = {**upload, "upload_id": created["upload_id"], "parts": parts}
        assert call(mlflow, "POST", "/mpu/complete/team/run", json=completion) == {}
        size = sum(map(len, PARTS))
        assert listed(mlflow) == {"a b+c.txt": 5, "empty.txt": 0, "model.pkl": size}
        signed = call(mlflow, "GET", "/presigned/team/run/model.pkl")
        assert signed["file_size"] == size
        assert client.get(signed["url"]).content == b"".join(PARTS)
    call(mlflow, "DELETE", "/artifacts/team/run/")
    assert listed(mlflow) == {}
