"""The online store in a real server of PostgreSQL."""

import os
import re
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import psycopg2
import pytest
from online_store_contract import OnlineStoreContract, aircraft, opening, seats
from postgres import PASSWORD, Postgres, postgres

from levelfive.config import Settings
from levelfive.errors import LevelfiveError, OnlineStoreError
from levelfive.online.layout import ROWS
from levelfive.online.opening import open_store
from levelfive.online.postgres_store import PostgresStore
from levelfive.online.store import OnlineStore
from levelfive.platforms.laptop import Laptop


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def url(server: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    schema = f"test_{abs(hash(request.node.nodeid)):x}"
    server.run(f"CREATE SCHEMA {schema}")
    yield server.url(schema)
    server.run(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def open_again(url: str) -> Iterator[Callable[[], OnlineStore]]:
    with opening(url) as open_again:
        yield open_again


@pytest.fixture
def store(open_again: Callable[[], OnlineStore]) -> OnlineStore:
    return open_again()


class TestPostgresStore(OnlineStoreContract):
    """PostgreSQL keeps the contract."""


def test_a_server_that_was_started_again_is_read_on(server: Postgres, store: OnlineStore) -> None:
    store.publish(aircraft(150))
    before = seats(store, 0)

    server.end()
    with pytest.raises(OnlineStoreError, match="Look whether the server is up"):
        seats(store, 0)
    server.start()

    assert before == seats(store, 0) == [150]
    store.publish(aircraft(20, version=2))
    assert seats(store, 0) == [20]


def test_a_connection_that_the_server_ended_is_opened_again(server: Postgres, store: OnlineStore) -> None:
    store.publish(aircraft(150))
    before = seats(store, 0)

    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'levelfive'")

    assert before == seats(store, 0) == [150]


def test_a_server_that_is_busy_is_waited_for_so_long(server: Postgres, url: str, store: OnlineStore) -> None:
    store.publish(aircraft(150))
    reader = PostgresStore(url, patience=timedelta(seconds=1))
    with closing(psycopg2.connect(url)) as other, other.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {ROWS}")

        with pytest.raises(OnlineStoreError, match="timeout"):
            seats(reader, 0)

    reader.close()
    assert seats(store, 0) == [150]


@contextmanager
def hanging(server: Postgres, *, whole: bool) -> Iterator[None]:
    """Stop the processes that readers are connected to, or also the one that takes new connections."""
    with closing(psycopg2.connect(server.url("public"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'levelfive'")
        processes = [pid for (pid,) in cursor.fetchall()]
    if whole:
        processes.append(int((server.folder / "data" / "postmaster.pid").read_text().split()[0]))
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("whole", [False, True], ids=["a connection", "the server"])
def test_a_server_that_hangs_is_waited_for_so_long_and_read_on_when_it_goes_on(
    server: Postgres, url: str, store: OnlineStore, whole: bool
) -> None:
    store.publish(aircraft(150))
    reader = PostgresStore(url, patience=timedelta(milliseconds=200))
    assert seats(reader, 0) == [150]

    with hanging(server, whole=whole):
        with pytest.raises(OnlineStoreError, match=r"gave no answer within 0:00:00\.2"):
            seats(reader, 0)
        if whole:
            with pytest.raises(OnlineStoreError, match="timeout"):
                seats(reader, 0)
        else:
            assert seats(reader, 0) == [150]

    assert seats(reader, 0) == [150]
    reader.close()


def test_no_answer_waits_for_its_statement_to_be_compiled(server: Postgres, url: str, store: OnlineStore) -> None:
    store.publish(aircraft(150))
    log = server.folder / "server.log"
    before = len(log.read_text())
    explains = (
        "-csession_preload_libraries=auto_explain -cauto_explain.log_min_duration=0 -cauto_explain.log_analyze=on"
    )
    reader = open_store(url + quote(f" {explains}"))

    assert seats(reader, 0) == [150]

    plans = log.read_text()[before:]
    assert "Nested Loop" in plans
    assert "JIT" not in plans
    reader.close()


def test_no_message_shows_a_password(url: str) -> None:
    wrong = url.replace("owner:", "owner:not-")
    told = []
    for ask in (
        lambda: open_store(wrong).states(),
        lambda: open_store(wrong).publish(aircraft(1)),
        lambda: open_store(url.replace("host=", "hosts=")),
        lambda: open_store(url.replace("postgresql", "mysql")),
    ):
        with pytest.raises(LevelfiveError) as caught:
            ask()
        told += traceback.format_exception(caught.value)

    assert "authentication failed" in "".join(told)
    assert not [line for line in told if PASSWORD in line or unquote(PASSWORD) in line or quote(PASSWORD, "") in line]


def test_the_password_may_be_in_a_file_that_is_read_for_each_connection(
    server: Postgres, url: str, store: OnlineStore, tmp_path: Path
) -> None:
    store.publish(aircraft(150))
    file = tmp_path / "password"
    file.write_text("*:*:*:*:wrong")
    file.chmod(0o600)
    reader = open_store(url.replace(f":{quote(PASSWORD, '')}@", "@") + f"&passfile={quote(str(file), '')}")
    with pytest.raises(OnlineStoreError, match="authentication failed"):
        seats(reader, 0)

    file.write_text(f"*:*:*:*:{PASSWORD}")

    assert seats(reader, 0) == [150]
    reader.close()


PAGE = Path(__file__).parents[2] / "docs" / "serving-deployment.md"
JOB, OTHER_JOB, SERVICE = (
    "the user in the online store's URL of the job",
    "the same, where another user made them",
    "the user in the online store's URL of the service",
)


def grants(who: str, schema: str) -> list[str]:
    """What the page of serving in production grants to a user, as SQL; the role is named as the schema."""
    statements, of = [], ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        of = of if cells[0] == "the same" else cells[0]
        if of == who:
            _, rights, place, _ = cells
            on = {
                "the online store's schema": f"SCHEMA {schema}",
                "its tables": f"ALL TABLES IN SCHEMA {schema}",
            }
            statements.append(f"GRANT {rights} ON {on[place]} TO {schema}")
    return statements


@contextmanager
def user(server: Postgres, url: str, who: str) -> Iterator[OnlineStore]:
    """The store as a user has it who was granted what the page says."""
    role = url.rpartition("%3D")[2]
    server.run(f"CREATE ROLE {role} LOGIN PASSWORD 'of-it'")
    server.run("; ".join(grants(who, role)))
    of_user = open_store(url.replace(f"owner:{quote(PASSWORD, '')}", f"{role}:of-it"))
    try:
        yield of_user
    finally:
        of_user.close()
        server.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_who_publishes_needs_no_more_than_the_page_grants(server: Postgres, url: str) -> None:
    with user(server, url, JOB) as publisher:
        for version, count in ((1, 150), (2, 20)):
            publisher.publish(aircraft(count, version=version))
            assert seats(publisher, 0) == [count]


def test_who_publishes_to_tables_of_another_needs_no_more_than_the_page_grants(
    server: Postgres, url: str, store: OnlineStore
) -> None:
    store.publish(aircraft(150))
    with user(server, url, OTHER_JOB) as publisher:
        publisher.publish(aircraft(20, version=2))

    assert seats(store, 0) == [20]


def test_who_reads_needs_no_more_than_the_page_grants_and_cannot_publish(
    server: Postgres, url: str, store: OnlineStore
) -> None:
    store.publish(aircraft(150))
    with user(server, url, SERVICE) as reader:
        assert seats(reader, 0) == [150]
        with pytest.raises(OnlineStoreError, match="permission denied"):
            reader.publish(aircraft(20, version=2))


def test_each_use_case_has_a_schema_of_its_own(server: Postgres, tmp_path: Path) -> None:
    parcels, orders = (
        Laptop(tmp_path).online_store(Settings(use_case=name, online_store=server.url()))
        for name in ("parcels", "Orders")
    )

    parcels.publish(aircraft(150))
    orders.publish(aircraft(20, 30, version=7))

    assert (seats(parcels, 0, 1), seats(orders, 0, 1)) == ([150, None], [20, 30])
    assert [store.states()["aircraft"].version for store in (parcels, orders)] == [1, 7]
    orders.erase("aircraft", lambda row: True)
    assert (seats(parcels, 0), seats(orders, 0)) == ([150], [None])
    for store in (parcels, orders):
        store.close()
    server.run('DROP SCHEMA parcels CASCADE; DROP SCHEMA "Orders" CASCADE')


def test_a_schema_that_the_url_names_is_taken(url: str, store: OnlineStore) -> None:
    same = open_store(url, "parcels")

    same.publish(aircraft(150))

    assert seats(store, 0) == [150]
    same.close()


def test_who_publishes_may_make_no_schema_where_there_is_one(server: Postgres) -> None:
    server.run("CREATE ROLE publisher LOGIN PASSWORD 'write'; CREATE SCHEMA trips AUTHORIZATION publisher")
    store, other = (
        open_store(server.url().replace(f"owner:{quote(PASSWORD, '')}", "publisher:write"), name)
        for name in ("trips", "another")
    )

    try:
        store.publish(aircraft(150))
        assert seats(store, 0) == [150]
        with pytest.raises(OnlineStoreError, match="permission denied for database"):
            other.publish(aircraft(150))
    finally:
        for one in (store, other):
            one.close()
        server.run("DROP SCHEMA trips CASCADE; DROP ROLE publisher")


def test_the_page_grants_nothing_that_is_not_needed() -> None:
    granted = {who: " ".join(grants(who, "s")) for who in (JOB, OTHER_JOB, SERVICE)}

    assert "UPDATE" not in "".join(granted.values())
    assert re.findall(r"GRANT (.*?) ON", granted[SERVICE]) == ["USAGE", "SELECT"]
