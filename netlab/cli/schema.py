"""`netlab schema`: the JSON Schema of topology files, for editors."""

from __future__ import annotations

import click


@click.command("schema", short_help="Print the JSON Schema of topology files, for editors.")
def command() -> None:
    """Print the JSON Schema (2020-12) of topology files.

    \b
    In an editor with YAML support, begin the file with
      # yaml-language-server: $schema=netlab.schema.json
    """
    import json

    from netlab.spec import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
