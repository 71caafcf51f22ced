"""How often somebody tried to sign in: too many failures of a name or an address must wait."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock

WITHIN = timedelta(minutes=15)
MOST = 10  # failures of one name, or from one address, within that time
REMEMBERED = 10_000  # names and addresses; of more, those that failed longest ago are forgotten


class Attempts:
    """The failures that still count, in memory: a restart forgives them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._failed: OrderedDict[str, deque[datetime]] = OrderedDict()

    def must_wait(self, *keys: str, now: datetime) -> bool:
        """Did one of these fail too often of late?"""
        with self._lock:
            return any(self._count(key, now) >= MOST for key in keys)

    def failed(self, *keys: str, now: datetime) -> None:
        """Count a failure of each."""
        with self._lock:
            for key in keys:
                self._failed.setdefault(key, deque(maxlen=MOST)).append(now)
                self._failed.move_to_end(key)
            while len(self._failed) > REMEMBERED:
                self._failed.popitem(last=False)

    def _count(self, key: str, now: datetime) -> int:
        return sum(1 for one in self._failed.get(key, ()) if now < one + WITHIN)
