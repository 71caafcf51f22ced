"""`python -m pipelines.console`: the console as a process, as `clearway ui` starts it.

It prints how to sign in, unless it is told that whoever started it does so: what it prints may go
to a file that is kept.
"""

import argparse
import sys
from datetime import UTC, datetime

from licensing.errors import ClearwayError
from pipelines.accounts.visits import ways_in
from pipelines.console.serving import refuse_elsewhere, serve
from pipelines.settings import read_settings


def main(words: list[str]) -> int:
    """Serve until the process is told to end; 1 and a line on stderr if it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.console", description="Serve the audit console."
    )
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--no-sign-in-link", action="store_true", help="print no way to sign in")
    asked = parser.parse_args(words)
    try:
        refuse_elsewhere(asked.host)
        host = f"[{asked.host}]" if ":" in asked.host else asked.host
        settings, url = read_settings(), f"http://{host}:{asked.port}"
        if not asked.no_sign_in_link:
            for name, said in ways_in(settings, url, now=datetime.now(tz=UTC)):
                sys.stdout.write(f"{name:<14}{said}\n")
            sys.stdout.flush()
        serve(settings, host=asked.host, port=asked.port)
    except ClearwayError as error:
        sys.stderr.write(f"{error.code}: {error}\nway out: {error.way_out}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
