"""What a decoder tells its log alone, for the few that neither fail nor mark the picture.

The level of the log is one for the process: it is raised for one packet, and what this thread says
is kept. What another thread says in that time goes to `logging`, and is lost or found there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av.logging

TOLD_BY_LOG = frozenset({"qtrle"})


@contextmanager
def heard(codec: str) -> Iterator[list[str]]:
    """Collect what the decoder of `codec` calls an error, where only its log tells."""
    said: list[str] = []
    if codec not in TOLD_BY_LOG:
        yield said
        return
    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as lines:
            yield said
        said += [text.strip() for _, name, text in lines if name == codec]
    finally:
        av.logging.set_level(before)
