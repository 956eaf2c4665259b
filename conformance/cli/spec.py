"""`spec`: the OpenAPI document, for generators and linters."""

from __future__ import annotations

from pathlib import Path

import click

from conformance import specs
from conformance.errors import UsageError


@click.command()
@click.option("--yaml", "as_yaml", is_flag=True, help="YAML; also for a FILE that ends in .yaml or .yml.")
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
def spec(file: Path | None, as_yaml: bool) -> int:
    """Write the OpenAPI document of the seven operations to FILE, or to standard output."""
    as_yaml = as_yaml or (file is not None and file.suffix.lower() in (".yaml", ".yml"))
    text = specs.yaml_text(specs.openapi()) if as_yaml else specs.text(specs.openapi())
    if file is None:
        # Not through the screen: a document is no line for a person, and there is no secret in it.
        click.echo(text, nl=False)
        return 0
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise UsageError(what, where=str(file), hint="name a file in a folder that there is") from None
    return 0
