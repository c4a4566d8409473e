"""The settings of MLflow."""

from typing import Annotated

from pydantic import Field

from service.config.roots import RootSettings
from service.config.types import Name, Section


class MlflowRootSettings(RootSettings):
    """An artifact root of [MLflow](mlflow.md), by the name in its address."""


class MlflowSettings(Section):
    """[MLflow](mlflow.md)'s artifacts at `/api/2.0/mlflow-artifacts`."""

    roots: Annotated[dict[Name, MlflowRootSettings], Field(min_length=1)]
    """The artifact roots, each by its name: `mlflow-artifacts://HOST/NAME`."""
