"""The Hugging Face Hub's read side, for its unmodified clients."""

from typing import Final

from service.protocols.hugging_face.check import CHECK
from service.protocols.hugging_face.settings import HuggingFaceSettings, buckets, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="hugging_face",
    settings=HuggingFaceSettings,
    values=values,
    check=CHECK,
    buckets=buckets,
)
