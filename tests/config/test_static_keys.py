"""The keys of `credentials: static`: of the AWS default chain, or in two files."""

from pathlib import Path
from typing import Final

import pytest

from service.app.session_sources import aws_sources, origins
from service.app.settings import Settings, load_settings, watched_files
from service.clock import SystemClock
from service.errors import ConfigurationError
from service.sessions.source import SessionRefused, SessionSource
from service.sessions.static_keys import keys_in_files, read_key_file

SECRET: Final = "sentinel+SENTINEL/sentinel"
FILES: Final = "access_key_id_file: {0}/id, secret_access_key_file: {0}/secret"


@pytest.fixture(name="directory")
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With two files of keys; the environment has other keys."""
    (tmp_path / "id").write_text("AKIAFILE\n")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    return tmp_path


def configured(directory: Path, bucket: str, *, offline: bool = False) -> Settings:
    path = directory / "presign.yaml"
    more = bucket.format(directory)
    path.write_text(f"buckets: {{store: {{region: eu-west-1, {more}}}}}")
    return load_settings(path, offline=offline)


def refused(directory: Path, bucket: str) -> str:
    with pytest.raises(ConfigurationError) as found:
        configured(directory, bucket)
    problem = str(found.value)
    assert SECRET not in problem
    return problem.replace(str(directory), "DIR")


async def source_of(settings: Settings) -> SessionSource:
    async with aws_sources(SystemClock()) as make:
        return await make("store", origins(settings)["store"])


async def fetched_key(directory: Path, bucket: str) -> str:
    session = await (await source_of(configured(directory, bucket))).fetch(None, None)
    assert SECRET not in repr(session)
    assert session.credentials.secret_access_key in {SECRET, "other"}
    return session.credentials.access_key_id


@pytest.mark.parametrize(
    ("more", "key_id"),
    [
        ("", "AKIAENVIRONMENT"),
        (f", {FILES}", "AKIAFILE"),
    ],
)
async def test_a_bucket_is_signed_for_with_its_own_keys(
    directory: Path, more: str, key_id: str
) -> None:
    assert await fetched_key(directory, f"credentials: static{more}") == key_id


@pytest.mark.parametrize(
    ("bucket", "problem"),
    [
        ("credentials: static, access_key_id_file: {0}/id",
         "write both access_key_id_file and secret_access_key_file, or neither"),
        ("credentials: static, secret_access_key_file: {0}/id",
         "write both access_key_id_file and secret_access_key_file, or neither"),
        (f"role_arn: 'arn:aws:iam::111122223333:role/p', {FILES}",
         "credentials: assume_role takes no access_key_id_file and no secret_access_key_file"),
        ("credentials: static, access_key_id_file: {0}/nowhere, secret_access_key_file: {0}/id",
         "write the path of a readable file with the key and nothing else"),
    ],
)  # fmt: skip
def test_keys_that_do_not_fit_are_refused(directory: Path, bucket: str, problem: str) -> None:
    assert problem in refused(directory, bucket)


@pytest.mark.parametrize("text", ["", "\n", f"{SECRET} x", f"{SECRET}\nx", "é", "\0"])
def test_a_file_with_anything_but_a_key_is_refused(directory: Path, text: str) -> None:
    (directory / "secret").write_text(text)
    assert "write the path of a readable file" in refused(
        directory, f"credentials: static, {FILES}"
    )
    with pytest.raises(ValueError, match="with the key and nothing else") as error:
        read_key_file(directory / "secret")
    assert error.value.__cause__ is None


def test_offline_nothing_is_read(directory: Path) -> None:
    bucket = "credentials: static, access_key_id_file: /no/id, secret_access_key_file: /no/secret"
    assert configured(directory, bucket, offline=True).buckets["store"].files_of_keys


@pytest.mark.parametrize(
    ("bucket", "files"),
    [
        ("credentials: static", []),
        (f"credentials: static, {FILES}", ["id", "secret"]),
    ],
)
def test_the_files_with_keys_are_watched_by_content(
    directory: Path, bucket: str, files: list[str]
) -> None:
    settings = configured(directory, bucket)
    assert list(watched_files(settings)) == [directory / file for file in files]
    before = origins(settings)
    assert origins(settings) == before
    for file in files:
        (directory / file).write_text(f"{(directory / file).read_text()}\n")
        assert origins(settings) != before


async def test_files_that_vanish_are_refused_without_their_content(directory: Path) -> None:
    with pytest.raises(SessionRefused, match="cannot be read") as error:
        await keys_in_files(directory / "nowhere", directory / "secret")
    assert SECRET not in str(error.value)


async def test_keys_with_a_token_are_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    source = await source_of(configured(directory, "credentials: static"))
    with pytest.raises(SessionRefused, match="must not have a session token") as error:
        await source.fetch(None, None)
    assert SECRET not in str(error.value)
