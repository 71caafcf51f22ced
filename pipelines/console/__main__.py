"""`python -m pipelines.console`: the console as a process, as `clearway ui` starts it."""

import argparse
import sys

from licensing.errors import ClearwayError
from pipelines.console.serving import serve
from pipelines.settings import read_settings


def main(words: list[str]) -> int:
    """Serve until the process is told to end; 1 and a line on stderr if it cannot."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.console", description=__doc__)
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    asked = parser.parse_args(words)
    try:
        serve(read_settings(), host=asked.host, port=asked.port)
    except ClearwayError as error:
        sys.stderr.write(f"{error.code}: {error}\nway out: {error.way_out}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
