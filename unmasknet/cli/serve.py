"""`unmask serve`."""

import os
import sys

from maskgen.cli.options import Output, show_output
from maskgen.cli.streams import Unprinted
from maskgen.extras import require
from maskgen.processes import require_posix
from unmasknet.serve.settings import ServeSettings


def serve(settings: ServeSettings, as_json: bool) -> None:
    """Serve a web page on this machine, which shows a photo before and after, the map and further results.

    Example: [bold]unmask serve[/bold]
    """
    require_posix("unmask serve")
    require("this command", "web", "fastapi", "python_multipart", "uvicorn")
    from maskgen.demo.example import masked_example
    from unmasknet.serve.server import serve as run

    def announce(address: str) -> None:
        try:
            show_output(Output({"address": address}, f"{address}  (Ctrl-C ends it)"), as_json=as_json)
        except Unprinted:  # the page is there all the same
            print(f"unmask: {address}  (stdout is closed or full)", file=sys.stderr)

    try:
        run(settings, announce, lambda text: print(f"unmask: {text}", file=sys.stderr), masked_example)
    except SystemExit as stopped:  # by a signal
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(
            stopped.code if isinstance(stopped.code, int) else 1
        )  # else a photo in work would be waited for
