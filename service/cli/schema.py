"""`presign schema`: the JSON Schemas of the configuration's files."""

from typing import Literal

import click

from service.cli.options import print_json


@click.command(
    epilog="""\b
Examples:
  presign schema > presign.schema.json
  presign schema callers > callers.schema.json
"""
)
@click.argument("section", required=False, type=click.Choice(["callers", "buckets"]))
def schema(section: Literal["callers", "buckets"] | None) -> None:
    """Print the JSON Schema of the configuration file.

    With `callers` it is that of a team's file in callers_dir, with `buckets` of one in buckets_dir.
    Editors use it to complete and check settings. In the first line of the file, write
    `# yaml-language-server: $schema=./presign.schema.json`.
    """
    from service.app.schema import configuration_schema, part_schema

    print_json(configuration_schema() if section is None else part_schema(section))
