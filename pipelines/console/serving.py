"""Serve the console on this machine alone: what it says is not encrypted, passwords neither."""

import gc
import ipaddress

import uvicorn

from pipelines.console.app import console
from pipelines.errors import ConsoleError
from pipelines.settings import Settings

AT_ONCE = 64  # questions; more are told to come again


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Answer on `host` and `port` until the process is told to end.

    Raises:
        ConsoleError: NOT_LOOPBACK.
        CatalogUnreachable: CATALOG_MISSING, CATALOG_UNREACHABLE.
        SchemaMismatch: CATALOG_NEWER, CATALOG_OLDER.
    """
    refuse_elsewhere(host)
    made = uvicorn.Config(
        console(settings), host=host, port=port, log_level="warning", access_log=False,
        server_header=False, proxy_headers=False, lifespan="off", ws="none",
        limit_concurrency=AT_ONCE,
    )  # fmt: skip
    gc.freeze()  # what was imported stays: no collection during a page looks at it again
    uvicorn.Server(made).run()


def refuse_elsewhere(host: str) -> None:
    """Refuse an address that another machine could reach.

    Raises:
        ConsoleError: NOT_LOOPBACK.
    """
    if _is_loopback(host):
        return
    raise ConsoleError(
        f"the console may not listen on {host}: it does not encrypt, expected 127.0.0.1",
        code="NOT_LOOPBACK",
        subject=host,
        way_out="listen on 127.0.0.1 and reach it through a tunnel, such as ssh -L",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: who knows where it leads
        return False
