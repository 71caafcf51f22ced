"""Every station runs as the application role of PostgreSQL, which can change no record."""

from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from catalog.engine import migrate, revisions
from catalog.roles import grant_roles
from pipelines.assess.station import assess
from pipelines.backups import back_up
from pipelines.check import check
from pipelines.cut.station import cut
from pipelines.heads import checkpoint, rotate
from pipelines.look.station import look
from tests.pipelines.small_world import NOW
from tests.pipelines.test_writers_at_once import ACTS, act, prepared


@pytest.fixture
def world(postgres, tmp_path):
    """A home that was made by the owner and is used as the application."""
    made = prepared(tmp_path, postgres)
    app, erase = grant_roles(postgres)
    login = f"{app}_station"
    owner = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text(f"DROP ROLE IF EXISTS {login}"))
        connection.execute(text(f"CREATE ROLE {login} LOGIN PASSWORD 'secret' IN ROLE {app}"))
    url = make_url(postgres).set(username=login, password="secret")
    yield replace(made, catalog_url=url.render_as_string(hide_password=False))
    with owner.connect() as connection:
        connection.execute(text(f"DROP ROLE {login}"))
        for role in (erase, app):
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
    owner.dispose()


def test_every_station_runs_as_the_application(world, tmp_path):
    assert migrate(world.catalog_url) == revisions()[0]  # `clearway init` again changes nothing

    for what in ACTS:
        act(world, what)
    for station in (cut, look, assess):
        station("one", world, at_once=0, run_id="r", now=NOW)
    rotate(world, now=NOW)
    checkpoint(world, now=NOW)
    back_up(world, tmp_path / "backup", now=NOW)

    assert check(world) == ()
