"""Work bundles in this process: while one is stored, the next is read.

Reading waits for the process that decodes, storing for the disk and for hashes: side by side they
use two processors. Workers of Ray need none of it: there are as many of them as processors.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from pipelines.ingest.planning import Bundle, Place
from pipelines.ingest.work import Worked, read_bundle, store_bundle
from pipelines.workers import Outcome


def work_here(
    place: Place, bundles: Iterable[Bundle]
) -> Generator[Outcome[Bundle, Worked], None, None]:
    """Yield one outcome per bundle, in their order, as `fan_out` would.

    Closed, or interrupted, it ends what is being stored within a few pieces.
    """
    stop = Event()
    with ThreadPoolExecutor(1) as storing, _set_at_the_end(stop):
        before: tuple[Bundle, Future[Worked]] | None = None
        for bundle in bundles:
            under_way = bundle, _begun(storing, place, bundle, stop=stop)
            if before:
                yield _outcome(*before)
            before = under_way
        if before:
            yield _outcome(*before)


@contextmanager
def _set_at_the_end(stop: Event) -> Iterator[None]:
    try:
        yield
    finally:
        stop.set()


def _begun(
    storing: ThreadPoolExecutor, place: Place, bundle: Bundle, *, stop: Event
) -> Future[Worked]:
    """Read a bundle, and have it stored."""
    try:
        read = read_bundle(place, bundle)
    except Exception as error:  # noqa: BLE001 - one work item ends here, as on a worker
        failed: Future[Worked] = Future()
        failed.set_exception(error)
        return failed
    return storing.submit(store_bundle, place, bundle, read, stop=stop)


def _outcome(bundle: Bundle, stored: Future[Worked]) -> Outcome[Bundle, Worked]:
    error = stored.exception()
    return Outcome(item=bundle, value=None if error else stored.result(), error=error)
