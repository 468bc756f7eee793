import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Inspector, create_engine, inspect
from sqlmodel import SQLModel

import store.opening
import store.tables
import store.upkeep
from refine.errors import InputError, MigrationNeeded, RefineError, SchemaTooNew, StoreError, StoreReadOnly
from store.blobs import get_blob, put_blob
from store.database import Database
from store.opening import APPLICATION_ID, HEAD, REVISIONS, open_database
from store.upkeep import copy_verified, stats

MIGRATIONS = Path(store.opening.__file__).parent / "migrations"


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def ask_sql(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def describe(inspector: Inspector) -> dict[str, Any]:
    """Everything about a schema that the store relies on, in an order of its own."""

    def name_and_columns(items: list[Any]) -> list[Any]:
        return sorted((item["name"] or "", item.get("unique"), tuple(item["column_names"])) for item in items)

    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "primary": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": name_and_columns(list(inspector.get_unique_constraints(table))),
            "indexes": name_and_columns(list(inspector.get_indexes(table))),
            "foreign": sorted(
                (tuple(key["constrained_columns"]), key["referred_table"], tuple(key["referred_columns"]))
                for key in inspector.get_foreign_keys(table)
            ),
        }
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version" and not table.startswith("prompt_text")  # SQLite's own index
    }


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    del parents
    return kind != "table" or not (name or "").startswith("prompt_text")


# --- The schema ---------------------------------------------------------------------------------------------------


def test_the_migrations_make_the_schema_that_the_tables_describe(new_file: Path) -> None:
    migrated, declared = create_engine(f"sqlite:///{new_file}"), create_engine("sqlite://")
    SQLModel.metadata.create_all(declared)
    assert describe(inspect(migrated)) == describe(inspect(declared))
    with migrated.connect() as connection:
        from alembic.autogenerate import compare_metadata

        options = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []
    migrated.dispose()
    declared.dispose()


def test_the_revisions_named_in_code_are_those_of_the_migrations() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert tuple(revision.revision for revision in reversed(list(script.walk_revisions()))) == REVISIONS
    assert script.get_heads() == [HEAD]


def test_migrations_do_not_depend_on_the_tables_of_the_day() -> None:
    for migration in (MIGRATIONS / "versions").glob("*.py"):
        text = migration.read_text()
        assert "store" not in text and "sqlmodel" not in text, migration.name


def test_a_database_of_the_known_schema_is_opened_without_alembic(new_file: Path) -> None:
    code = (
        "import sys; from store.opening import open_database; open_database(sys.argv[1]).close();"
        "print([name for name in ('alembic', 'sqlmodel', 'pyarrow', 'langgraph', 'litellm') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(new_file)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- New files ----------------------------------------------------------------------------------------------------


def test_a_new_file_is_made_with_the_newest_schema_and_our_mark(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with open_database(str(path)) as database:
        assert database.migrated_from_backup is None
        database.write_now(put_blob, b"kept")
    assert ask_sql(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert ask_sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert list(tmp_path.glob("*.backup*")) == []


@pytest.mark.parametrize(
    "name", ["a b.db", "50%.db", "why?.db", "a#b.db", "%41.db", "žluť-ü.db", "no-suffix", "it's.db"]
)
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        with open_database(tmp_path / name) as database:
            key = database.write_now(put_blob, b"kept")
            assert database.read(get_blob, key) == b"kept"
    assert (tmp_path / name).is_file()


def test_a_relative_path_is_relative_to_the_folder_of_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_database("here.db").close()
    assert (tmp_path / "here.db").is_file()


def test_an_empty_file_and_an_empty_database_are_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    run_sql(tmp_path / "no-tables", "PRAGMA journal_mode=WAL")
    for name in ("empty", "no-tables"):
        with open_database(tmp_path / name) as database:
            database.write_now(put_blob, b"kept")


def test_making_a_database_that_fails_leaves_nothing_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: object) -> None:
        original(connection)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    original = store.opening._run_migrations
    monkeypatch.setattr(store.opening, "_run_migrations", fail)
    with pytest.raises(KeyboardInterrupt):
        open_database(tmp_path / "new.db")
    assert ask_sql(tmp_path / "new.db", "SELECT count(*) FROM sqlite_schema") == [(0,)]
    monkeypatch.undo()
    open_database(tmp_path / "new.db").close()


def test_a_file_whose_writer_was_killed_in_the_middle_is_put_right(new_file: Path, tmp_path: Path) -> None:
    working, killed = tmp_path / "working.db", tmp_path / "killed.db"
    copy_verified(new_file, working)
    with closing(sqlite3.connect(working, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM alembic_version")
        for n in range(200):
            connection.execute(
                "INSERT INTO blob (sha256, size, encoding, data) VALUES (?, 4, 'raw', zeroblob(4000))", (str(n),)
            )
        for suffix in ("", "-journal"):  # as a kill would leave them
            shutil.copy(f"{working}{suffix}", f"{killed}{suffix}")
    with open_database(killed) as database:
        assert database.read(stats)["rows"]["blob"] == 0


def test_processes_that_open_a_new_database_at_once_all_succeed(tmp_path: Path) -> None:
    code = (
        "import sys; from store.opening import open_database; from store.blobs import put_blob\n"
        "with open_database(sys.argv[1]) as database: database.write_now(put_blob, sys.argv[2].encode())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "new.db"), str(n)], stderr=subprocess.PIPE)
        for n in range(2)
    ]
    for process in running:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
    assert ask_sql(tmp_path / "new.db", "SELECT count(*) FROM blob") == [(2,)]


# --- What is refused ----------------------------------------------------------------------------------------------


def make_garbage(path: Path) -> None:
    path.write_bytes(b"prompt,id\nhello,1\n" * 100)


def make_blank(path: Path) -> None:
    path.write_bytes(b" \n")


def make_zeros(path: Path) -> None:
    path.write_bytes(bytes(8192))


def make_headed_garbage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)


def make_cut_short(path: Path) -> None:
    open_database(path).close()
    with path.open("r+b") as file:
        file.truncate(5000)


def make_foreign(path: Path) -> None:
    run_sql(path, "CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('precious')")


def make_foreign_with_alembic(path: Path) -> None:
    run_sql(path, "CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('0001')")


def make_without_revision(path: Path) -> None:
    open_database(path).close()
    run_sql(path, "DELETE FROM alembic_version")


def make_newer(path: Path) -> None:
    open_database(path).close()
    run_sql(path, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (make_garbage, StoreError, "is not a database"),
        (make_blank, StoreError, "is not a database"),
        (make_zeros, StoreError, "is not a database"),
        (make_headed_garbage, StoreError, "is not a database"),
        (make_cut_short, StoreError, "damaged"),
        (make_foreign, StoreError, "another program's"),
        (make_foreign_with_alembic, StoreError, "another program's"),
        (make_without_revision, StoreError, "which schema"),
        (make_newer, SchemaTooNew, "9999.*upgrade Refine"),
        (Path.mkdir, InputError, "is a folder"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_in_one_line_and_left_as_it_was(
    tmp_path: Path, make: Callable[[Path], None], error: type[RefineError], says: str, read_only: bool
) -> None:
    path = tmp_path / "given.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    beside = {found.name for found in tmp_path.iterdir()}
    with pytest.raises(error, match=says) as raised:
        open_database(path, read_only=read_only).read(lambda connection: None)
    assert raised.value.exit_code == 2
    assert len(str(raised.value).splitlines()) == 1 and str(path) in str(raised.value)
    assert (path.read_bytes() if path.is_file() else b"") == before
    assert {found.name for found in tmp_path.iterdir()} <= {*beside, "given.db-wal", "given.db-shm"}


@pytest.mark.parametrize(
    "name", ["missing/new.db", "file.txt/new.db", "x" * 5000, "nul\0.db"], ids=["missing", "file", "long", "nul"]
)
def test_a_path_that_cannot_hold_a_database_is_bad_input(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").touch()
    with pytest.raises(InputError) as raised:
        open_database(tmp_path / name)
    assert len(str(raised.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_reading_needs_a_database_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no database"):
        open_database(tmp_path / "new.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_database_opened_for_reading_takes_no_writes(database: Database) -> None:
    key = database.write_now(put_blob, b"kept")
    with open_database(database.path, read_only=True) as reader:
        assert reader.read(get_blob, key) == b"kept"
        with pytest.raises(StoreReadOnly):
            reader.write_now(put_blob, b"lost")
        with pytest.raises(StoreError):
            reader.read(put_blob, b"lost too")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_or_folder_that_cannot_be_written_is_refused_on_opening(
    new_file: Path, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "refine.db"
    path.write_bytes(new_file.read_bytes())
    target = path if what == "file" else folder
    with unwritable(target), pytest.raises(StoreReadOnly) as raised:
        open_database(path)
    assert len(str(raised.value).splitlines()) == 1
    open_database(path).close()


def test_a_database_in_a_folder_that_cannot_be_written_can_be_read(new_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(new_file, folder / "refine.db")
    with unwritable(folder), open_database(folder / "refine.db", read_only=True) as database:
        assert "blob" in database.read(stats)["rows"]


class unwritable:
    """Nobody can write the file, not even root, for whom permission bits mean nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._mode = self._path.stat().st_mode
        self._path.chmod(self._mode & ~0o222)
        if os.access(self._path, os.W_OK):
            with suppress(FileNotFoundError):
                subprocess.run(["chattr", "+i", str(self._path)], check=False, capture_output=True)
        if os.access(self._path, os.W_OK):
            self.__exit__()
            pytest.skip("nothing can be made read-only for this user")

    def __exit__(self, *_: object) -> None:
        with suppress(FileNotFoundError):
            subprocess.run(["chattr", "-i", str(self._path)], check=False, capture_output=True)
        self._path.chmod(self._mode)


# --- Older schemas ------------------------------------------------------------------------------------------------

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("blob", sa.Column("seen", sa.Integer(), server_default="7", nullable=False))
    {more}
"""


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`release()` puts code in place that has one more migration."""

    def run(more: str = "pass") -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / "9999_next.py").write_text(NEXT.format(more=more, head=HEAD))
        monkeypatch.setattr(store.opening, "_MIGRATIONS", folder)
        monkeypatch.setattr(store.opening, "REVISIONS", (*REVISIONS, "9999"))
        monkeypatch.setattr(store.opening, "HEAD", "9999")

    return run


@pytest.fixture
def old_file(new_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    shutil.copy(new_file, path)
    with open_database(path) as database:
        database.write_now(put_blob, b"kept")
    return path


def revision_of(path: Path) -> str:
    return str(ask_sql(path, "SELECT version_num FROM alembic_version")[0][0])


def test_an_older_schema_is_migrated_after_a_backup_that_is_named(old_file: Path, release: Callable[..., None]) -> None:
    release()
    with open_database(old_file) as database:
        backup = database.migrated_from_backup
    assert revision_of(old_file) == "9999"
    assert ask_sql(old_file, "SELECT seen FROM blob") == [(7,)]
    assert backup is not None and backup.name.startswith(f"old.db.backup-{HEAD}-") and backup.parent == old_file.parent
    assert revision_of(backup) == HEAD
    assert ask_sql(backup, "SELECT count(*) FROM blob") == [(1,)]
    with open_database(old_file) as database:
        assert database.migrated_from_backup is None


def test_a_backup_can_be_put_back_and_used(old_file: Path, release: Callable[..., None]) -> None:
    release()
    with open_database(old_file) as database:
        backup = database.migrated_from_backup
    assert backup is not None
    with open_database(backup) as database:  # migrated in its turn
        assert database.read(get_blob, 1) == b"kept"


@pytest.mark.parametrize("options", [{"migrate": False}, {"read_only": True}])
def test_migrating_can_be_refused(old_file: Path, release: Callable[..., None], options: dict[str, bool]) -> None:
    release()
    with pytest.raises(MigrationNeeded, match="refine db upgrade"):
        open_database(old_file, **options)
    assert revision_of(old_file) == HEAD
    assert list(old_file.parent.glob("*.backup*")) == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ("raise RuntimeError('no')", RuntimeError),
        ("op.execute('INSERT INTO nowhere VALUES (1)')", StoreError),
        ("op.execute('UPDATE blob SET base_id = 12345')", StoreError),
        ("op.execute('DROP TABLE event'); raise KeyboardInterrupt", KeyboardInterrupt),
    ],
)
def test_a_migration_that_fails_changes_nothing(
    old_file: Path, release: Callable[..., None], more: str, error: type[BaseException]
) -> None:
    before = ask_sql(old_file, "SELECT sql FROM sqlite_schema ORDER BY name")
    release(more)
    with pytest.raises(error):
        open_database(old_file)
    assert revision_of(old_file) == HEAD
    assert ask_sql(old_file, "SELECT sql FROM sqlite_schema ORDER BY name") == before
    assert ask_sql(old_file, "SELECT sha256 FROM blob") != []


def test_without_a_backup_there_is_no_migration(
    old_file: Path, release: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(copy: object, counts: object, target: Path) -> None:
        raise StoreError(f"{target}: the copy is not whole")

    release()
    monkeypatch.setattr(store.upkeep, "_check_copy", fail)
    with pytest.raises(StoreError, match="not whole"):
        open_database(old_file)
    assert revision_of(old_file) == HEAD
    assert list(old_file.parent.glob("*.backup*")) == []


def test_a_database_rebuilt_from_an_sql_dump_is_still_ours(old_file: Path, tmp_path: Path) -> None:
    rebuilt = tmp_path / "rebuilt.db"
    with closing(sqlite3.connect(old_file)) as source, closing(sqlite3.connect(rebuilt)) as target:
        target.executescript("\n".join(source.iterdump()))
    with open_database(rebuilt) as database:
        assert database.read(get_blob, 1) == b"kept"
