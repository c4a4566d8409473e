"""MLflow's artifacts, for its unmodified client."""

from typing import Final

from service.protocols.mlflow.check import CHECK
from service.protocols.mlflow.settings import MlflowSettings, buckets, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="mlflow",
    settings=MlflowSettings,
    values=values,
    check=CHECK,
    buckets=buckets,
)
