"""The settings of the Hugging Face Hub."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from pydantic import model_validator

from service.config.types import Section
from service.protocols.protocol import NamedBucket, Shared
from service.protocols.root_settings import RootSettings, named_buckets, roots
from service.protocols.roots import Roots

PATH: Final = "/hf"


class HubRootSettings(RootSettings):
    """Where the models or the datasets of the [Hugging Face Hub](hugging-face.md) are."""


class HuggingFaceSettings(Section):
    """The [Hugging Face Hub](hugging-face.md) at `/hf`: models, datasets, or both."""

    models: HubRootSettings | None = None
    """Each revision is a folder `ORG/NAME/REVISION/` below the prefix."""

    datasets: HubRootSettings | None = None
    """In folders like those of the models."""

    @model_validator(mode="after")
    def _has_repositories(self) -> Self:
        if not self.by_kind():
            raise ValueError("give `models`, `datasets` or both")
        return self

    def by_kind(self) -> Mapping[str, HubRootSettings]:
        kinds = {"models": self.models, "datasets": self.datasets}
        return {kind: root for kind, root in kinds.items() if root is not None}


@dataclass(frozen=True, slots=True)
class HuggingFaceValues:
    """`roots` are by kind. `public_url` is the address of the service, or empty."""

    roots: Roots
    public_url: str = ""


def values(section: HuggingFaceSettings, shared: Shared) -> HuggingFaceValues:
    return HuggingFaceValues(roots(PATH, section.by_kind()), shared.public_url)


def buckets(section: HuggingFaceSettings) -> Iterable[NamedBucket]:
    return named_buckets(("hugging_face",), section.by_kind())
