"""Sections whose names mean a bucket and a prefix, and what `presign check` says of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.app.protocols import AnyProtocol
from service.auth.api_keys import digest_of
from service.protocols import git_lfs, hugging_face, mlflow, package_index
from service.protocols.roots import Roots
from tests.cli import invoking

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
BUCKET: Final = {"region": "eu-west-1", "role_arn": ROLE}
ISSUER: Final = {
    "issuer": "https://issuer.example",
    "audience": "presign",
    "jwks_url": "https://issuer.example/keys",
}


def granted(prefix: str, *allow: str, **limits: Any) -> dict[str, Any]:
    return {"bucket": "reports", "prefix": prefix, "allow": allow, "max_expires_in": 900, **limits}


def of_key(name: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": [*grants]}


def caller(name: str, prefix: str, *allow: str, **limits: Any) -> dict[str, Any]:
    return of_key(name, granted(prefix, *allow, **limits))


def of_token(subject: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"issuer": "cluster", "subject": subject, "grants": [*grants]}


def document(*callers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": BUCKET},
        "issuers": {"cluster": ISSUER},
        "callers": [*callers],
        **more,
    }


def checked(directory: Path, *callers: dict[str, Any], **more: Any) -> tuple[int, str]:
    """Return the exit code and the output of `presign check`."""
    done = invoking.checked(directory, json.dumps(document(*callers, **more), indent=1))
    return done.exit_code, done.output


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSection:
    """A section with one root `name`, which `section` makes of the settings of that root.

    A caller that is allowed all of `allow` for all of it may do `all_of_it`, and for a part
    `in_part`. `needs` is what a caller reads who may not use it.
    """

    protocol: AnyProtocol
    name: str
    section: Callable[[Mapping[str, Any]], dict[str, Any]]
    allow: tuple[str, ...]
    described: str
    where: str
    all_of_it: list[str]
    in_part: list[str]
    needs: str
    location: str
    roots: Callable[[Any], Roots] = lambda values: values

    @property
    def key(self) -> str:
        return str(self.protocol.section)


ROOT: Final = {"bucket": "reports", "prefix": "a/team/"}
SECTIONS: Final = [
    RootSection(
        protocol=git_lfs.PROTOCOL,
        name="design",
        section=lambda root: {"repositories": {"design": root}},
        allow=("check", "download", "upload", "multipart"),
        described="git_lfs design: /lfs/design has its objects in reports/a/team/",
        where="in the Git LFS repository design",
        all_of_it=["pull", "push"],
        in_part=[],
        needs="with `download` and `check` to pull, or with `upload` and `check` to push",
        location="git_lfs.repositories.design",
        roots=lambda values: values.repositories,
    ),
    RootSection(
        protocol=mlflow.PROTOCOL,
        name="team",
        section=lambda root: {"roots": {"team": root}},
        allow=("download", "head", "list", "upload", "multipart", "delete"),
        described="mlflow team: mlflow-artifacts://HOST/team has its artifacts in reports/a/team/",
        where="in the MLflow root team",
        all_of_it=["read", "write small files", "write large files", "delete"],
        in_part=[
            "read in a part of it",
            "write small files in a part of it",
            "write large files in a part of it",
            "delete in a part of it",
        ],
        needs=(
            "with `download` and `head` and `list` to read, or with `upload` and `allow_overwrite` "
            "to write small files, or with `multipart` to write large files, or with `delete` and "
            "`list` to delete"
        ),
        location="mlflow.roots.team",
    ),
    RootSection(
        protocol=package_index.PROTOCOL,
        name="wheels",
        section=lambda root: {"wheels": root},
        allow=("list", "download"),
        described="package_index wheels: /simple/wheels/ has the projects in reports/a/team/",
        where="in the package index wheels",
        all_of_it=["list all projects", "download the files of all projects"],
        in_part=["list some projects", "download the files of some projects"],
        needs=(
            "with `list` to list all projects, or with `download` and `list` to download the files "
            "of all projects"
        ),
        location="package_index.wheels",
    ),
    RootSection(
        protocol=hugging_face.PROTOCOL,
        name="models",
        section=lambda root: {"models": root},
        allow=("list", "download"),
        described="hugging_face: HF_ENDPOINT=URL/hf has the models in reports/a/team/",
        where="of the Hugging Face Hub",
        all_of_it=["read all models"],
        in_part=["read some models"],
        needs="with `download` and `list` to read all models",
        location="hugging_face.models",
        roots=lambda values: values.roots,
    ),
]
