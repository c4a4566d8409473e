"""`presign schema`: the JSON Schema of the configuration file."""

import click

from service.cli.options import print_json


@click.command(
    epilog="""\b
Example:
  presign schema > presign.schema.json
"""
)
def schema() -> None:
    """Print the JSON Schema of the configuration file.

    Editors use it to complete and check settings. In the first line of the file, write
    `# yaml-language-server: $schema=./presign.schema.json`.
    """
    from service.config.schema import configuration_schema

    print_json(configuration_schema())
