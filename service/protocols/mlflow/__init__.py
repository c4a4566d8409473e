"""MLflow's artifacts, for its unmodified client."""

from typing import Final

from service.protocols.mlflow.artifacts import Artifacts
from service.protocols.mlflow.check import CHECK
from service.protocols.mlflow.parts import FileParts
from service.protocols.mlflow.routes import FEATURE, Mlflow, router
from service.protocols.mlflow.settings import MlflowSettings, buckets, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    section="mlflow",
    settings=MlflowSettings,
    values=values,
    use_case=lambda core, values: Mlflow(
        values,
        Artifacts(core.authorizer, core.presigner, core.listings, core.object_checks, core.store),
        FileParts(core.authorizer, core.store, core.multipart),
    ),
    routers=(router,),
    feature=FEATURE,
    check=CHECK,
    buckets=buckets,
)
