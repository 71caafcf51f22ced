"""Heavy work of the console: one question at a time, and none that another site leads here."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from starlette.exceptions import HTTPException
from starlette.requests import Request


@contextmanager
def held(lock: Lock) -> Iterator[None]:
    """Hold the lock of heavy work, or refuse at once with 429 while another question has it."""
    if not lock.acquire(blocking=False):
        raise HTTPException(429, "The console is at work on another such question")
    try:
        yield
    finally:
        lock.release()


def refuse_led_here(request: Request, way_out: str) -> None:
    """Refuse with 403 a question that a page of another site led the browser to."""
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise HTTPException(403, f"Another site led here: {way_out}")
