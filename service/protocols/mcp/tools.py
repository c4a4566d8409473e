"""The tools: what a client reads of each, and what each calls."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.protocols.mcp import links, outputs, reading, signing
from service.protocols.mcp.arguments import (
    Arguments,
    CopyArguments,
    DownloadArguments,
    EndArguments,
    FindArguments,
    LinkArguments,
    LinksArguments,
    ListArguments,
    MoveArguments,
    NoArguments,
    ObjectArguments,
    TimedArguments,
    UploadArguments,
    schema_of,
)
from service.protocols.mcp.use_case import ToolCall

_SEND: Final = "Changes nothing by itself: send the request, or run `command`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`call` takes arguments of the type `arguments`, and returns a result as JSON."""

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    output: outputs.Schema
    call: Callable[[ToolCall, Any], Awaitable[bytes]]
    reads: bool = False
    destroys: bool = False
    repeatable: bool = True
    reaches_others: bool = False

    def members(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": schema_of(self.arguments),
            "outputSchema": self.output,
            "annotations": {
                "readOnlyHint": self.reads,
                "destructiveHint": self.destroys,
                "idempotentHint": self.repeatable,
                "openWorldHint": self.reaches_others,
            },
        }


_IN_ORDER: Final = (  # of rights.NEEDS
    Tool(
        name="show_access",
        title="Show what I may do",
        description="Your buckets, prefixes, operations and limits. Begin here.",
        arguments=NoArguments,
        output=outputs.ACCESS,
        call=reading.show_access,
        reads=True,
    ),
    Tool(
        name="list_files",
        title="List files",
        description="One level of a bucket: the folders and files whose names start with `prefix`.",
        arguments=ListArguments,
        output=outputs.LEVEL,
        call=reading.list_files,
        reads=True,
    ),
    Tool(
        name="find_files",
        title="Find files",
        description=(
            "Files at any depth whose last segment matches `pattern`. It looks at 10,000 names at "
            "most; with `next_cursor` there are more, even if none was found. A long `prefix` is "
            "faster."
        ),
        arguments=FindArguments,
        output=outputs.FOUND,
        call=reading.find_files,
        reads=True,
    ),
    Tool(
        name="describe_file",
        title="Describe a file",
        description="The size, type and checksums of one file, without its content.",
        arguments=ObjectArguments,
        output=outputs.DESCRIBED,
        call=reading.describe_file,
        reads=True,
    ),
    Tool(
        name="sign_download",
        title="Get a download URL",
        description=(
            "A URL from which the content can be read until it expires. `command` saves it as a "
            "file. Whether the file is there is not checked."
        ),
        arguments=DownloadArguments,
        output=outputs.SIGNED,
        call=signing.sign_download,
        reads=True,
    ),
    Tool(
        name="sign_upload",
        title="Get an upload request",
        description=(
            "A request that uploads one file of exactly `size` bytes, at most 5 GiB. It creates a "
            "file and replaces none, unless `overwrite` is true. Larger files: `presign put`. "
            f"{_SEND}"
        ),
        arguments=UploadArguments,
        output=outputs.SIGNED,
        call=signing.sign_upload,
        repeatable=False,
    ),
    Tool(
        name="sign_copy",
        title="Get a copy request",
        description=f"A request that copies a file inside the store, without a download. {_SEND}",
        arguments=CopyArguments,
        output=outputs.SIGNED,
        call=signing.sign_copy,
        repeatable=False,
    ),
    Tool(
        name="sign_move",
        title="Get move requests",
        description=(
            "Two requests that move or rename a file: `copy`, and after it has worked, `delete`. "
            f"Nothing is replaced. {_SEND}"
        ),
        arguments=MoveArguments,
        output=outputs.MOVE,
        call=signing.sign_move,
        destroys=True,
        repeatable=False,
    ),
    Tool(
        name="sign_delete",
        title="Get a delete request",
        description=f"A request that deletes one file. {_SEND}",
        arguments=TimedArguments,
        output=outputs.SIGNED,
        call=signing.sign_delete,
        destroys=True,
    ),
    Tool(
        name="create_link",
        title="Make a share link",
        description=(
            "An address by which anybody can download the file, without a key, until it expires. "
            "Ask the person you work for first."
        ),
        arguments=LinkArguments,
        output=outputs.CREATED_LINK,
        call=links.create_link,
        repeatable=False,
        reaches_others=True,
    ),
    Tool(
        name="list_links",
        title="List my share links",
        description="The links that you have made and that are not over, the newest first.",
        arguments=LinksArguments,
        output=outputs.LINKS,
        call=links.list_links,
        reads=True,
    ),
    Tool(
        name="revoke_link",
        title="Revoke a share link",
        description="Ends one of your links for everybody who has it.",
        arguments=EndArguments,
        output=outputs.ENDED_LINK,
        call=links.revoke_link,
        destroys=True,
    ),
)
TOOLS: Final[Mapping[str, Tool]] = {tool.name: tool for tool in _IN_ORDER}
