"""A backup is one consistent state, restorable to either database, and refused when harmed."""

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text

from catalog import schema, versions
from catalog.audit import verify_log
from catalog.backup import DATA, make_backup, read_backup, restore_backup
from catalog.backup_paper import PAPER
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import BackupError, CatalogError, LogBroken, SchemaMismatch
from catalog.log import document
from catalog.parties import Party, parties, register_party
from catalog.versions import LedgerRow
from licensing.manifest import sha256_hex
from tests.catalog.test_migrations import FIRST_REVISION, downgrade
from tests.catalog.world import NOW, make_world

ROW = LedgerRow(batch_id="b", dataset="media", source_id="alpha", state="planned", run_id="r")


@pytest.fixture
def filled(url: str) -> str:
    """A catalog with a world and working state in it."""
    with transaction(open_catalog(url)) as session:
        make_world(session)
        versions.save(session, ROW, now=NOW)
    return url


@pytest.fixture
def backup(sqlite: str, tmp_path: Path) -> Path:
    """A backup of a filled catalog."""
    with transaction(open_catalog(sqlite)) as session:
        make_world(session)
        versions.save(session, ROW, now=NOW)
    make_backup(sqlite, tmp_path / "backup", now=NOW)
    return tmp_path / "backup"


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing is yet: a file that is missing, an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/restored/catalog.sqlite"
    return str(request.getfixturevalue("empty_postgres"))


def test_a_backup_of_either_database_restores_every_row(filled: str, tmp_path: Path) -> None:
    restored = f"sqlite:///{tmp_path}/restored.sqlite"

    made = make_backup(filled, tmp_path / "backup", now=NOW)
    restore_backup(tmp_path / "backup", restored, scratch=tmp_path)

    assert _rows(restored) == _rows(filled)
    assert made.tables == {name: len(rows) for name, rows in _rows(filled).items()}
    with reading(open_catalog(restored, read_only=True)) as session:
        report = verify_log(session)
        assert (report.broken, report.size, report.root) == ((), made.size, made.root)


def test_restoring_tells_how_far_it_is(backup: Path, target: str, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = read_backup(backup)

    restore_backup(backup, target, scratch=tmp_path, progress=lambda *word: told.append(word))

    rows = sum(made.tables.values())
    assert told[0] == ("log", made.size, made.size)
    assert told[-1] == ("rows", rows, rows)
    assert told[1:] == sorted(told[1:])


def test_a_backup_restores_to_either_database_and_work_goes_on(
    backup: Path, target: str, tmp_path: Path
) -> None:
    restore_backup(backup, target, scratch=tmp_path)

    with transaction(open_catalog(target)) as session:
        register_party(session, Party(party_id="next", name="N"), now=NOW)
        versions.save(session, replace(ROW, batch_id="c"), now=NOW)
        assert verify_log(session).broken == ()


def test_restoring_twice_is_restoring_once_and_other_rows_are_never_overwritten(
    backup: Path, target: str, tmp_path: Path
) -> None:
    restore_backup(backup, target, scratch=tmp_path)
    restore_backup(backup, target, scratch=tmp_path)
    with transaction(open_catalog(target)) as session:
        register_party(session, Party(party_id="next", name="N"), now=NOW)
    before = _rows(target)

    with pytest.raises(BackupError, match="expected an empty one") as caught:
        restore_backup(backup, target, scratch=tmp_path)

    assert caught.value.code == "CATALOG_NOT_EMPTY"
    assert _rows(target) == before


def test_a_backup_stands_by_itself_for_ordinary_tools(backup: Path) -> None:
    assert {one.name for one in backup.iterdir()} == {DATA, PAPER}
    with reading(open_catalog(f"sqlite:///{backup}/{DATA}", read_only=True)) as session:
        assert verify_log(session).broken == ()


def test_a_backup_during_writes_is_one_state_of_them(filled: str, tmp_path: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            with transaction(open_catalog(filled)) as session:
                for half in ("a", "b"):
                    name = f"{number}{half}"
                    register_party(session, Party(party_id=name, name=name), now=NOW)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [make_backup(filled, tmp_path / f"{turn}", now=NOW) for turn in range(3)]
    finally:
        ended.set()
        writer.join()

    assert made[0].size < made[2].size
    for turn, one in enumerate(made):
        restored = f"sqlite:///{tmp_path}/restored{turn}.sqlite"
        restore_backup(tmp_path / f"{turn}", restored, scratch=tmp_path)
        with reading(open_catalog(restored, read_only=True)) as session:
            assert (verify_log(session).broken, verify_log(session).size) == ((), one.size)
            written = [
                p for p in parties(session) if p.party_id[-1] in "ab" and p.party_id[0] < "a"
            ]
            assert len(written) % 2 == 0


def test_a_backup_takes_no_place_that_is_taken(backup: Path, sqlite: str) -> None:
    with pytest.raises(BackupError, match="expected an empty folder") as caught:
        make_backup(sqlite, backup, now=NOW)
    assert caught.value.code == "BACKUP_EXISTS"
    (backup / PAPER).unlink()  # one that was cut short is made again
    make_backup(sqlite, backup, now=NOW)
    read_backup(backup)


def test_a_place_that_cannot_be_written_is_a_typed_error(sqlite: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BackupError, match="cannot be written") as caught:
        make_backup(sqlite, tmp_path / "file" / "below", now=NOW)

    assert caught.value.code == "BACKUP_FAILED"


def test_a_catalog_of_an_older_schema_is_not_touched_by_a_restore(
    backup: Path, url: str, tmp_path: Path
) -> None:
    downgrade(url, "0002")

    with pytest.raises(SchemaMismatch, match="revision 0002") as caught:
        restore_backup(backup, url, scratch=tmp_path)

    assert caught.value.code == "CATALOG_OLDER"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("name", [DATA, PAPER])
@pytest.mark.parametrize("harm", ["cut", "flipped"])
def test_a_harmed_backup_is_refused_and_nothing_is_restored(
    backup: Path, tmp_path: Path, harm: str, name: str, share: float
) -> None:
    raw = bytearray((backup / name).read_bytes())
    at = int(share * len(raw))
    if harm == "cut":
        del raw[at:]
    else:
        raw[at] ^= 1
    (backup / name).write_bytes(raw)

    _refused(backup, tmp_path, BackupError, "BACKUP_CHANGED")


@pytest.mark.parametrize(("name", "code"), [(PAPER, "BACKUP_INCOMPLETE"), (DATA, "BACKUP_CHANGED")])
def test_a_backup_without_one_of_its_files_is_refused(
    backup: Path, tmp_path: Path, name: str, code: str
) -> None:
    (backup / name).unlink()

    _refused(backup, tmp_path, BackupError, code)


def test_a_backup_of_a_newer_version_is_refused(backup: Path, tmp_path: Path) -> None:
    _written_anew(backup, revision="9999")

    _refused(backup, tmp_path, SchemaMismatch, "CATALOG_NEWER")


def test_a_backup_whose_rows_were_edited_is_refused_however_well_it_was_packed(
    backup: Path, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{backup}/{DATA}")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER sources_no_update"))
        connection.execute(text("UPDATE sources SET doc = replace(doc, 'Film', 'Book')"))
    engine.dispose()
    raw = (backup / DATA).read_bytes()
    _written_anew(backup, sha256=sha256_hex(raw), size_bytes=len(raw))

    _refused(backup, tmp_path, LogBroken, "LOG_BROKEN")


def test_a_backup_of_an_older_schema_is_migrated_on_the_way(
    sqlite: str, target: str, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    with transaction(open_catalog(sqlite)) as session:
        register_party(session, Party(party_id="a", name="A"), now=NOW)
    make_backup(sqlite, backup, now=NOW)
    downgrade(f"sqlite:///{backup}/{DATA}", FIRST_REVISION)
    raw = (backup / DATA).read_bytes()
    _written_anew(backup, revision=FIRST_REVISION, sha256=sha256_hex(raw), size_bytes=len(raw))

    restore_backup(backup, target, scratch=tmp_path / "scratch")

    with reading(open_catalog(target, read_only=True)) as session:
        assert [one.party_id for one in parties(session)] == ["a"]
        assert verify_log(session).broken == ()
    assert (backup / DATA).read_bytes() == raw
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("table", ["log_leaves", "decisions", "ops_ledger"])
def test_a_restore_that_was_killed_runs_again(
    backup: Path, target: str, tmp_path: Path, table: str
) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from sqlalchemy import event\n"
        "from sqlalchemy.engine import Engine\n"
        "from catalog.backup import restore_backup\n"
        "@event.listens_for(Engine, 'after_cursor_execute')\n"
        "def kill(c, cursor, words, *rest):\n"
        f"    if words.startswith('INSERT INTO {table} '): os.kill(os.getpid(), signal.SIGKILL)\n"
        "restore_backup(Path(sys.argv[1]), sys.argv[2], scratch=Path(sys.argv[3]))\n"
    )
    command = [sys.executable, "-c", code, str(backup), target, str(tmp_path)]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not any(_rows(target).values())

    restore_backup(backup, target, scratch=tmp_path)

    assert _rows(target) == _rows(f"sqlite:///{backup}/{DATA}")


def test_a_backup_that_was_killed_is_no_backup_and_is_made_again(
    sqlite: str, tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from catalog import backup\n"
        "backup._described = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup.make_backup(sys.argv[1], Path(sys.argv[2]), now=datetime.now(UTC))\n"
    )
    command = [sys.executable, "-c", code, sqlite, str(tmp_path / "backup")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    _refused(tmp_path / "backup", tmp_path, BackupError, "BACKUP_INCOMPLETE")

    make_backup(sqlite, tmp_path / "backup", now=NOW)

    assert read_backup(tmp_path / "backup").size == 0


def _refused(backup: Path, tmp_path: Path, kind: type[CatalogError], code: str) -> None:
    with pytest.raises(kind) as caught:
        restore_backup(backup, f"sqlite:///{tmp_path}/none/catalog.sqlite", scratch=tmp_path)
    assert caught.value.code == code
    assert caught.value.way_out
    assert not (tmp_path / "none").exists()


def _written_anew(backup: Path, **changes: object) -> None:
    """Change what the paper says and make it fit itself again."""
    doc = {**json.loads((backup / PAPER).read_bytes()), **changes}
    del doc["digest"]
    doc["digest"] = sha256_hex(document(doc))
    (backup / PAPER).write_bytes(document(doc))


def _rows(url: str) -> dict[str, list[object]]:
    with reading(open_catalog(url, read_only=True)) as session:
        return {
            one.name: sorted(map(tuple, session.execute(select(one))), key=repr)
            for one in schema.metadata.sorted_tables
        }
