"""The option that several verbs share."""

from typing import Annotated

import typer

Json = Annotated[
  bool, typer.Option('--json', help='Print one JSON document instead.')
]
