"""The arguments of the tools. An optional one is absent, never null, as in openapi.yaml."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final

from pydantic import MISSING, BaseModel, ConfigDict, Field

from service.api.schemas import Bucket, Seconds, Text
from service.protocols.links.routes import LinkSeconds, Uses
from service.protocols.mcp.listing import DEFAULT_NAMES, MAX_NAMES

_LONGEST_PATTERN: Final = 100
_LONGEST_LINK_ID: Final = 64

_BUCKET: Final = "As show_access names it"
Key = Annotated[str, Field(description="The whole name, with its folders: team/2026/q3.pdf")]
Lifetime = Annotated[Seconds, Field(description="Seconds. The default is the service's, minutes")]
Cursor = Annotated[str, Field(description="next_cursor of the answer before")]
Limit = Annotated[
    int, Field(ge=1, le=MAX_NAMES, description=f"The most names. Default {DEFAULT_NAMES}")
]
NamedBucket = Annotated[Bucket, Field(description=_BUCKET)]
TargetBucket = Annotated[Bucket, Field(description="Default: the same bucket")]
Prefix = Annotated[str, Field(description="Only names that start with it: team/")]
FileName = Annotated[Text, Field(description="The name that the file gets when it is opened")]
Overwrite = Annotated[
    bool, Field(description="true replaces what is there. Only if you were asked to")
]


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NoArguments(Arguments):
    pass


class ListArguments(Arguments):
    bucket: NamedBucket
    prefix: Prefix | MISSING = MISSING
    cursor: Cursor | MISSING = MISSING
    limit: Limit | MISSING = MISSING


class FindArguments(ListArguments):
    pattern: Annotated[
        str,
        Field(
            min_length=1,
            max_length=_LONGEST_PATTERN,
            description="Of the last segment, any case. * is any text, ? one character: *.pdf",
        ),
    ]


class ObjectArguments(Arguments):
    bucket: NamedBucket
    key: Key


class TimedArguments(ObjectArguments):
    expires_in: Lifetime | MISSING = MISSING


class DownloadArguments(TimedArguments):
    filename: FileName | MISSING = MISSING


class UploadArguments(TimedArguments):
    size: Annotated[int, Field(ge=0, description="The exact size in bytes: wc -c < FILE")]
    content_type: (
        Annotated[Text, Field(description="Default: what the name suggests: text/csv")] | MISSING
    ) = MISSING
    sha256: (
        Annotated[
            str,
            Field(
                pattern=r"^[0-9A-Fa-f]{64}$",
                description="As sha256sum prints it: the store refuses another content",
            ),
        ]
        | MISSING
    ) = MISSING
    overwrite: Overwrite | MISSING = MISSING


class MoveArguments(TimedArguments):
    to_bucket: TargetBucket | MISSING = MISSING
    to_key: Key


class CopyArguments(MoveArguments):
    overwrite: Overwrite | MISSING = MISSING


class LinkArguments(ObjectArguments):
    expires_in: (
        Annotated[LinkSeconds, Field(description="Seconds. Default: as long as you may")] | MISSING
    ) = MISSING
    max_uses: Annotated[Uses, Field(description="It ends after so many downloads")] | MISSING = (
        MISSING
    )
    filename: FileName | MISSING = MISSING


class LinksArguments(Arguments):
    cursor: Cursor | MISSING = MISSING
    limit: Limit | MISSING = MISSING


class EndArguments(Arguments):
    id: Annotated[
        str, Field(min_length=1, max_length=_LONGEST_LINK_ID, description="Of list_links: lnk_…")
    ]


@cache
def schema_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return the JSON schema, without the titles that pydantic makes of names."""
    schema = model.model_json_schema()
    for argument in schema["properties"].values():
        argument.pop("title", None)
    return {name: value for name, value in schema.items() if name in _MEMBERS}


_MEMBERS: Final = frozenset({"type", "properties", "required", "additionalProperties"})
