"""`unmask serve`."""

import sys

from maskgen.cli.options import Output, show_output
from maskgen.extras import require
from unmasknet.serve.settings import ServeSettings


def serve(settings: ServeSettings, as_json: bool) -> None:
    """Serve a web page on this machine, which shows a photo before and after, the map and further results.

    Example: [bold]unmask serve[/bold]
    """
    require("this command", "web", "fastapi", "python_multipart", "uvicorn")
    from maskgen.demo.example import masked_example
    from unmasknet.serve.server import serve as run

    def announce(address: str) -> None:
        show_output(Output({"address": address}, f"{address}  (Ctrl-C ends it)"), as_json=as_json)
        sys.stdout.flush()

    run(settings, announce, lambda text: print(f"unmask: {text}", file=sys.stderr), masked_example)
