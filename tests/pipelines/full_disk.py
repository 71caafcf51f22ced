"""A disk that is full: no file of this process may grow beyond a size."""

from __future__ import annotations

import resource
import signal
from contextlib import contextmanager


@contextmanager
def files_of_at_most(size_bytes):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
