"""`modelyard images …`: the options; `images` does what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

images = typer.Typer(no_args_is_help=True, help="Container images: their software, and its flaws.")

_Uri = Annotated[str, typer.Argument(help="The image's URI, with a tag or a digest.")]


@images.command()
def software(image: _Uri, home: HomeOption = None) -> None:
    """Print the list of an image's software, CycloneDX in JSON."""
    from modelyard.cli.connection import connect
    from modelyard.cli.images import print_software

    print_software(connect(home_of(home)), image)


@images.command()
def vulnerabilities(
    image: _Uri,
    scan: Annotated[
        bool, typer.Option("--scan", help="Compare with the advisories as they are now.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """Print the known vulnerabilities of an image's software."""
    from modelyard.cli.connection import connect
    from modelyard.cli.images import print_vulnerabilities

    print_vulnerabilities(connect(home_of(home)), image, scan=scan, as_json=as_json)
