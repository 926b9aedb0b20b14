"""`netlab schema`: the JSON Schema of topology files, for editors."""

from __future__ import annotations

import click

from netlab.cli.output import echo_json


@click.command("schema", short_help="Print the JSON Schema of topology files, for editors.")
def command() -> None:
    """Print the JSON Schema (2020-12) of topology files.

    \b
    In an editor with YAML support, begin the file with
      # yaml-language-server: $schema=netlab.schema.json
    """

    from netlab.spec import json_schema

    echo_json(json_schema())
