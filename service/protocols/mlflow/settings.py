"""The settings of MLflow."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from service.config.messages import Missing
from service.config.types import Name, Section
from service.protocols.protocol import NamedBucket, Shared
from service.protocols.root_settings import RootSettings, named_buckets, roots
from service.protocols.roots import Roots


class MlflowRootSettings(RootSettings):
    """Where a root's objects are."""


class MlflowSettings(Section):
    """[MLflow](mlflow.md)'s artifacts at `/api/2.0/mlflow-artifacts`."""

    roots: Annotated[
        dict[Name, MlflowRootSettings],
        Field(min_length=1),
        Missing("write at least one root, as in presign.example.yaml"),
    ]
    """Artifact roots: `mlflow-artifacts://HOST/NAME`."""


def values(mlflow: MlflowSettings, _: Shared) -> Roots:
    return roots("/mlflow", mlflow.roots)


def buckets(mlflow: MlflowSettings) -> Iterable[NamedBucket]:
    return named_buckets(("mlflow", "roots"), mlflow.roots)
