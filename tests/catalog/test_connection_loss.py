"""A connection that is lost, a database that may not be written: typed, and nothing half-done."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from catalog.audit import verify_log
from catalog.engine import open_catalog, reading, source_lock, transaction
from catalog.errors import CatalogUnreachable
from catalog.parties import Party, parties, register_party
from tests.catalog.world import NOW

STEPS = 6  # records of one transaction
CUTS = (0, 300, 1_500, 4_000, 9_000)  # bytes of the client's that reach the server
LOST = {"CATALOG_LOST", "CATALOG_UNREACHABLE"}


@pytest.mark.parametrize("step", range(STEPS))
def test_a_server_that_ends_the_connection_leaves_nothing_half_done(
    postgres: str, step: int
) -> None:
    """`pg_terminate_backend` before each record in turn."""
    with pytest.raises(CatalogUnreachable) as caught:
        _register_all(postgres, end_before=step)

    assert caught.value.code == "CATALOG_LOST"
    assert "run the same command again" in caught.value.way_out
    _whole(postgres, expected={0})
    _register_all(postgres)
    _whole(postgres, expected={STEPS})


@pytest.mark.parametrize("cut", CUTS)
def test_a_wire_that_is_cut_leaves_all_or_nothing_and_the_next_run_converges(
    postgres: str, cut: int
) -> None:
    with _wire(postgres, cut) as url, pytest.raises(CatalogUnreachable) as caught:
        _register_all(url, times=10)  # a cut beyond the first run meets a later one

    assert caught.value.code in LOST
    _whole(postgres, expected={0, STEPS})
    _register_all(postgres)
    _whole(postgres, expected={STEPS})


@pytest.mark.soak
@pytest.mark.parametrize("cut", range(0, 16_000, 97))
def test_a_wire_is_cut_anywhere(postgres: str, cut: int) -> None:
    test_a_wire_that_is_cut_leaves_all_or_nothing_and_the_next_run_converges(postgres, cut)


def test_a_reader_that_loses_its_connection_is_told_so(postgres: str) -> None:
    with (
        pytest.raises(CatalogUnreachable) as caught,
        reading(open_catalog(postgres, read_only=True)) as session,
    ):
        _read_after_the_end(postgres, session)

    assert caught.value.code == "CATALOG_LOST"


def test_a_lock_dies_with_its_connection(postgres: str, tmp_path: Path) -> None:
    with source_lock(open_catalog(postgres), "a", tmp_path):
        admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON"
                    " pg_database.oid = database WHERE locktype = 'advisory'"
                    " AND datname = current_database()"
                )
            )
        admin.dispose()
        with source_lock(open_catalog(postgres), "a", tmp_path, timeout_s=5):
            pass


def test_a_database_that_may_only_be_read_is_named(postgres: str) -> None:
    admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
    name = make_url(postgres).database
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    admin.dispose()

    with pytest.raises(CatalogUnreachable) as caught:
        _register_all(postgres)

    assert caught.value.code == "CATALOG_READ_ONLY"
    _whole(postgres, expected={0})


def test_a_catalog_opened_for_reading_cannot_be_written(url: str) -> None:
    with (
        pytest.raises(CatalogUnreachable) as caught,
        transaction(open_catalog(url, read_only=True)) as session,
    ):
        register_party(session, Party(party_id="a", name="A"), now=NOW)

    assert caught.value.code == "CATALOG_READ_ONLY"
    _whole(url, expected={0})


def test_a_file_without_the_right_to_write_is_named(sqlite: str, tmp_path: Path) -> None:
    """As SQLite says it of a file that it may only read."""
    path = tmp_path / "catalog.sqlite"
    engine = create_engine(sqlite)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    engine.dispose()
    immutable = f"sqlite:///file:{path}?immutable=1&uri=true"
    with (
        pytest.raises(CatalogUnreachable) as caught,
        transaction(create_engine(immutable)) as session,
    ):
        register_party(session, Party(party_id="a", name="A"), now=NOW)

    assert caught.value.code == "CATALOG_READ_ONLY"


def _register_all(url: str, *, end_before: int | None = None, times: int = 1) -> None:
    """One transaction of several records; registering what is there already adds nothing."""
    for _ in range(times):
        with transaction(open_catalog(url)) as session:
            _register(session, url, end_before=end_before)


def _register(session: Session, url: str, *, end_before: int | None) -> None:
    for number in range(STEPS):
        if number == end_before:
            _end(url, session)
        register_party(session, Party(party_id=f"p{number}", name="P"), now=NOW)


def _read_after_the_end(url: str, session: Session) -> None:
    _end(url, session)
    parties(session)


def _end(url: str, session: Session) -> None:
    """Have the server end the connection of a session."""
    pid = session.execute(text("SELECT pg_backend_pid()")).scalar()
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    admin.dispose()


def _whole(url: str, *, expected: set[int]) -> None:
    with reading(open_catalog(url, read_only=True)) as session:
        report = verify_log(session)
        assert report.broken == ()
        assert report.size == len(parties(session))
        assert report.size in expected


@contextmanager
def _wire(url: str, cut: int) -> Iterator[str]:
    """An address that leads to the server until `cut` bytes were sent to it, then is dead."""
    to = make_url(url)
    assert to.host is not None
    assert to.port is not None
    left, guard = [cut], threading.Lock()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = threading.Thread(
            target=_serve, args=(listener, (to.host, to.port), left, guard), daemon=True
        )
        serving.start()
        yield to.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        left[0] = 0
        listener.shutdown(socket.SHUT_RDWR)
    serving.join(10)


def _serve(
    listener: socket.socket, server: tuple[str, int], left: list[int], guard: threading.Lock
) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        if left[0] <= 0:
            client.close()
            continue
        upstream = socket.create_connection(server)
        back = threading.Thread(target=_pump, args=(upstream, client, None, guard), daemon=True)
        back.start()
        _pump(client, upstream, left, guard)
        back.join(10)
        client.close()
        upstream.close()


def _pump(
    source: socket.socket, sink: socket.socket, left: list[int] | None, guard: threading.Lock
) -> None:
    with suppress(OSError):
        while data := source.recv(64):
            sink.sendall(data if left is None else _taken(data, left, guard))
            if left is not None and left[0] <= 0:
                break
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _taken(data: bytes, left: list[int], guard: threading.Lock) -> bytes:
    """As much of the data as may still pass."""
    with guard:
        passed, left[0] = data[: max(left[0], 0)], left[0] - len(data)
    return passed
