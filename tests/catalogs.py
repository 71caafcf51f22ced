"""A new catalog as a copy of one that was migrated: a migration costs more than most tests."""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy.engine import make_url

from catalog.engine import migrate


def new_catalog(url: str) -> str:
    """Bring the catalog at `url`, which may be missing, to this version's schema; the same URL."""
    path = make_url(url).database
    if not url.startswith("sqlite") or path is None or Path(path).exists():
        migrate(url)
        return url
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    for left in ("-wal", "-shm"):  # of a file that was there: SQLite would write them into ours
        Path(path + left).unlink(missing_ok=True)
    Path(path).write_bytes(_migrated())
    return url


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "catalog.sqlite")
        migrate(f"sqlite:///{path}")
        return path.read_bytes()
