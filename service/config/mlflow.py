"""The settings of MLflow."""

from typing import Annotated

from pydantic import Field

from service.config.package_index import Directory
from service.config.quoting import Shown
from service.config.types import Name, Section


class MlflowRootSettings(Section):
    """An artifact root of [MLflow](mlflow.md), by the name in its address."""

    bucket: Shown[Name]
    """The bucket with the artifacts, by its name in this file."""

    prefix: Shown[Directory]
    """Where the artifacts are. It ends in `/`, or is empty."""


class MlflowSettings(Section):
    """[MLflow](mlflow.md)'s artifacts at `/api/2.0/mlflow-artifacts`."""

    roots: Annotated[dict[Name, MlflowRootSettings], Field(min_length=1)]
    """The artifact roots, each by its name: `mlflow-artifacts://HOST/NAME`."""
