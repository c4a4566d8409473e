"""What `presign check` says of the small files of MLflow, which it sends in one request."""

from pathlib import Path
from typing import Any, Final

import pytest

from service.protocols.mlflow import PROTOCOL
from tests.cli.invoking import rights_by_caller
from tests.protocols.sections import BUCKET, ROOT, caller, checked, document

MLFLOW: Final = {"roots": {"team": ROOT}}
CAREFUL: Final = caller("careful", "a/", "list", "head", "download", "upload", "multipart")
REPLACING: Final = caller("ci", "a/", "upload", allow_overwrite=True)
CANNOT: Final = "callers.0: cannot send small files to the MLflow root team:"
INSTEAD: Final = "; or clients set MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=1"


def test_small_files_need_a_grant_that_overwrites() -> None:
    made = document(CAREFUL, REPLACING, mlflow=MLFLOW)
    assert rights_by_caller(made, PROTOCOL) == {
        "API key careful": ["read", "write large files"],
        "API key ci": ["write small files"],
    }


def test_nobody_writes_small_files_to_a_bucket_with_encryption() -> None:
    buckets = {"reports": BUCKET | {"encryption": {"algorithm": "AES256"}}}
    both = caller("ci", "a/", "upload", "multipart", allow_overwrite=True)
    made = document(both, buckets=buckets, mlflow=MLFLOW)
    assert rights_by_caller(made, PROTOCOL) == {"API key ci": ["write large files"]}


@pytest.mark.parametrize(
    ("of", "encryption", "said"),
    [
        (CAREFUL, None, f"{CANNOT} they need `upload` with `allow_overwrite`{INSTEAD}\n"),
        (
            caller("ci", "a/", "upload"),
            None,
            f"{CANNOT} they need `upload` with `allow_overwrite`\n",
        ),
        (REPLACING, {"algorithm": "AES256"}, f"{CANNOT} bucket reports has `encryption`"),
    ],
)
def test_check_warns_of_small_files(
    tmp_path: Path, of: dict[str, Any], encryption: dict[str, Any] | None, said: str
) -> None:
    buckets = {"reports": BUCKET | {"encryption": encryption}}
    other = caller("none", "elsewhere/", "list")
    code, output = checked(tmp_path, of, other, buckets=buckets, mlflow=MLFLOW)
    assert code == 0, output
    assert f": {said}" in output
    assert output.count("cannot send small files") == 1


@pytest.mark.parametrize("section", [{}, {"roots": {}}])
def test_a_section_without_roots_is_refused(tmp_path: Path, section: dict[str, Any]) -> None:
    code, output = checked(tmp_path, mlflow=section)
    assert (code, "mlflow.roots" in output) == (1, True), output
