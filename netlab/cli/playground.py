"""`netlab playground`: a page on which topologies are written and predicted."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("playground", short_help="Write or serve a page that predicts while you type.")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--serve", is_flag=True, help="Serve the page from here, on loopback, with Python on this side.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="PORT", help="With --serve. [default: a free one]"
)
def command(folder: Path | None, serve: bool, port: int) -> None:
    """Write a static site into DIR: an editor for topologies, and what the model predicts while you type.

    The model runs in the browser, as WebAssembly: the site needs a web server for files and nothing else. The
    parts of it that don't ship with netlab are fetched once, by pip and npm. With --serve nothing is fetched or
    written.
    """
    from netlab.errors import UsageError

    if serve == (folder is not None):
        raise UsageError("name a folder to write the site to, or say --serve")
    if folder is not None:
        _write(folder)
    else:
        _serve(port)


def _write(folder: Path) -> None:
    from netlab.playground import site
    from netlab.report.write import failed

    try:
        site.build(folder, lambda what: click.echo(what, err=True))
    except OSError as error:
        raise failed(folder, "can't be written", error) from error


def _serve(port: int) -> None:
    from netlab.errors import CANNOT_RUN, NetlabError
    from netlab.playground.serve import Server

    try:
        server = Server(port)
    except OSError as error:
        raise NetlabError(
            f"port {port} can't be listened at: {error.strerror}; --port 0 takes a free one", exit_code=CANNOT_RUN
        ) from error
    with server:
        click.echo(f"{server.url}  (Ctrl-C ends it)")
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            click.echo()
