"""What `presign check` says about the Hugging Face Hub: where repositories are, who reads them."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from service.access.grants import Operation
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.hugging_face.settings import PATH, HuggingFaceValues
from service.protocols.rights import Target, Use

_SECTION: Final = "hugging_face"
_READING: Final = frozenset({Operation.DOWNLOAD, Operation.LIST})
_DEPTH: Final = 3  # of ORG/NAME/REVISION/, the folder that is listed


def targets(hub: HuggingFaceValues, _: CheckedConfiguration) -> Iterator[Target]:
    for kind, root in hub.roots.named.items():
        part = f"read some {kind}"
        yield Target(
            uses=(Use(f"read all {kind}", _READING, in_part=part, list_depth=_DEPTH),),
            where="of the Hugging Face Hub",
            location=(_SECTION, kind),
            bucket=root.bucket,
            prefix=root.prefix,
            description=f"{_SECTION}: HF_ENDPOINT={hub.public_url or 'URL'}{PATH} has the {kind}",
        )


def warnings(
    hub: HuggingFaceValues | None, checked: CheckedConfiguration
) -> Iterator[ConfigurationProblem]:
    if hub is None or (own := urlsplit(hub.public_url).hostname) is None:
        return
    for kind, root in hub.roots.named.items():
        url = checked.buckets[root.bucket].downloads_from("protocols")
        if urlsplit(url).hostname == own:
            text = (
                f"bucket {root.bucket} has the host name of server.public_url, {own}: clients "
                "would send it their token, so each download is refused"
            )
            yield ConfigurationProblem(text, (_SECTION, kind))


CHECK: Final = Check(targets=targets, warnings=warnings)
