"""The journal's file: tables, how it is opened, and what happens to one that cannot be used.

SQLite in WAL mode with synchronous NORMAL: a commit survives a kill of the process and costs microseconds; only a loss
of power may take the newest ones, which intents and the venue give back. Money and quantity are stored as text, exactly
as computed. Files are readable by the owner only.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.append_file import private_folder
from actors.intents import FILE_NAME as INTENTS_NAME
from exchanges.errors import JournalError

APPLICATION_ID: Final = 0x67726964
SCHEMA_VERSION: Final = 1
FILE_NAME: Final = "journal.db"
CHECKED_UP_TO_BYTES: Final = 16 * 1024 * 1024

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""Primary error codes that speak of the content (a missing table is SQLITE_ERROR), not of the disk or of a lock."""

TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, started_wall_ns INTEGER NOT NULL, ended_wall_ns INTEGER, boot_id TEXT NOT NULL
);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL, grid TEXT NOT NULL,
    lot INTEGER NOT NULL, client_order_id INTEGER NOT NULL, occurred_wall_ns INTEGER NOT NULL,
    received_wall_ns INTEGER NOT NULL, payload TEXT NOT NULL
);
CREATE INDEX events_by_lot ON events (grid, lot) WHERE lot != 0;
CREATE INDEX events_funding ON events (received_wall_ns) WHERE kind = 'FundingPaid';
CREATE INDEX events_resumed ON events (received_wall_ns) WHERE kind = 'ResumeEntries';
CREATE INDEX events_by_order ON events (client_order_id) WHERE client_order_id != 0;
CREATE TABLE orders (
    client_order_id INTEGER PRIMARY KEY, grid TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL,
    side TEXT NOT NULL, price TEXT NOT NULL, quantity TEXT NOT NULL, post_only INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL, immediate INTEGER NOT NULL, lot INTEGER NOT NULL, sequence INTEGER NOT NULL,
    leg INTEGER NOT NULL, order_id TEXT, phase TEXT NOT NULL, end_status TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    filled TEXT NOT NULL DEFAULT '0', placed_wall_ns INTEGER NOT NULL, accepted_wall_ns INTEGER NOT NULL DEFAULT 0,
    ended_wall_ns INTEGER NOT NULL DEFAULT 0, fence_wall_ns INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX orders_unsettled ON orders (phase) WHERE phase != 'ended';
CREATE INDEX orders_by_lot ON orders (grid, lot);
CREATE INDEX orders_by_end ON orders (ended_wall_ns) WHERE phase = 'ended';
CREATE TABLE fills (
    seq INTEGER PRIMARY KEY, exchange TEXT NOT NULL, symbol TEXT NOT NULL, grid TEXT NOT NULL, lot INTEGER NOT NULL,
    client_order_id INTEGER NOT NULL, trade_id TEXT, price TEXT NOT NULL, quantity TEXT NOT NULL,
    cumulative TEXT NOT NULL, fee TEXT NOT NULL, is_maker INTEGER, occurred_wall_ns INTEGER NOT NULL,
    received_wall_ns INTEGER NOT NULL
);
CREATE UNIQUE INDEX fills_by_trade ON fills (exchange, symbol, trade_id) WHERE trade_id IS NOT NULL;
CREATE UNIQUE INDEX fills_by_cumulative ON fills (client_order_id, cumulative, quantity) WHERE trade_id IS NULL;
CREATE INDEX fills_by_order ON fills (client_order_id);
CREATE INDEX fills_by_time ON fills (exchange, symbol, occurred_wall_ns) WHERE trade_id IS NOT NULL;
CREATE TABLE lots (
    grid TEXT NOT NULL, lot INTEGER NOT NULL, side TEXT NOT NULL, entry_filled TEXT NOT NULL DEFAULT '0',
    entry_notional TEXT NOT NULL DEFAULT '0', exit_filled TEXT NOT NULL DEFAULT '0',
    exit_notional TEXT NOT NULL DEFAULT '0', fees TEXT NOT NULL DEFAULT '0', opened_wall_ns INTEGER NOT NULL DEFAULT 0,
    entry_done INTEGER NOT NULL DEFAULT 0, closed_quantity TEXT NOT NULL DEFAULT '0',
    is_open INTEGER NOT NULL DEFAULT 0, continuation INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (grid, lot)
) WITHOUT ROWID;
CREATE INDEX lots_open ON lots (grid) WHERE is_open = 1;
CREATE TABLE closings (
    seq INTEGER PRIMARY KEY, grid TEXT NOT NULL, lot INTEGER NOT NULL, quantity TEXT NOT NULL,
    entry_price TEXT NOT NULL, exit_price TEXT NOT NULL, realized_pnl TEXT NOT NULL, fees TEXT NOT NULL,
    closed_wall_ns INTEGER NOT NULL
);
CREATE INDEX closings_by_time ON closings (grid, closed_wall_ns);
CREATE TABLE grids (
    grid TEXT PRIMARY KEY, exchange TEXT NOT NULL, symbol TEXT NOT NULL, realized_pnl TEXT NOT NULL DEFAULT '0',
    fees TEXT NOT NULL DEFAULT '0', external TEXT NOT NULL DEFAULT '0', paused INTEGER NOT NULL DEFAULT 0,
    latch TEXT NOT NULL DEFAULT '', latch_text TEXT NOT NULL DEFAULT '', ladder_wall_ns INTEGER NOT NULL DEFAULT 0,
    ladder_waived INTEGER NOT NULL DEFAULT 0, highest_sequence INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""


class JournalDamaged(JournalError):
    """The journal's content cannot be read: it has to be moved aside."""


@dataclass(frozen=True, slots=True)
class OpenedJournal:
    """A journal file that can be used. `problems` says what was moved aside, empty if all is well."""

    path: Path
    problems: tuple[str, ...]
    is_new: bool


def connect(path: Path) -> sqlite3.Connection:
    """Return the writer's connection, for the calling thread. Transactions are begun and committed by the caller.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write, for reports and restarts."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return sqlite3.connect(uri, timeout=5.0, isolation_level=None, uri=True)


def journal_error(path: Path, what: str, error: sqlite3.Error | OSError) -> JournalError:
    """Return what an error of the database means: damaged content, or a disk that refuses."""
    text = f"{path} {what}: {error}. Check that the disk has space and the folder belongs to this user."
    return JournalDamaged(f"is damaged ({error})") if _is_damage(error) else JournalError(text)


def open_journal(state_dir: Path, *, desk: str, bot_tag: int, wall_ns: int, known_damage: str = "") -> OpenedJournal:
    """Make sure there is a usable journal of this bot in `state_dir`; move a damaged or foreign one aside.

    `known_damage` says why the one that is there cannot be used, where that was found out later.

    Raises:
        JournalError: the folder or file cannot be written.
    """
    path = private_folder(state_dir) / FILE_NAME
    problems: list[str] = []
    try:
        if path.exists() and not _is_unfinished(path):
            reason = known_damage or _why_unusable(path, desk, bot_tag)
            if not reason:
                path.chmod(0o600)
                return OpenedJournal(path, (), is_new=False)
            aside = _move_aside(path, wall_ns)
            problems.append(
                f"{path} {reason}. It was moved to {aside}; profit and history before now are there. The bot goes on "
                "from its intent file and the venue: compare position and open orders once."
            )
        _create(path, desk, bot_tag, wall_ns)
    except (OSError, sqlite3.Error) as error:
        raise journal_error(path, "cannot be written", error) from None
    return OpenedJournal(path, tuple(problems), is_new=True)


def _is_damage(error: Exception) -> bool:
    return isinstance(error, sqlite3.DatabaseError) and error.sqlite_errorcode & 0xFF in _DAMAGE


def _is_unfinished(path: Path) -> bool:
    """Whether the file was being made when its maker died: a database without a single table."""
    try:
        with closing(connect(path)) as connection:
            return not connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        return False


def _why_unusable(path: Path, desk: str, bot_tag: int) -> str:
    try:
        with closing(connect(path)) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                return "is not a journal of this program"
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA_VERSION:
                return f"has schema {version}, this program writes {SCHEMA_VERSION}"
            found = dict(connection.execute("SELECT key, value FROM meta"))
            if (found.get("desk"), found.get("bot_tag")) != (desk, str(bot_tag)):
                return f"belongs to desk {found.get('desk')!r} with bot_tag {found.get('bot_tag')}"
            # the check reads every page: bounded, so that a restart with years of history stays quick
            if path.stat().st_size <= CHECKED_UP_TO_BYTES:
                result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                return "" if result == "ok" else f"is damaged ({result})"
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        return f"is damaged ({error})"
    return ""


def set_state_aside(state_dir: Path, wall_ns: int) -> tuple[Path, ...]:
    """Move journal and intents out of the way, for an account that begins anew; return what they are called now.

    Raises:
        JournalError: the folder cannot be written.
    """
    kept = []
    for name in (FILE_NAME, INTENTS_NAME):
        path = state_dir / name
        try:
            if path.exists():
                kept.append(_move_aside(path, wall_ns))
        except OSError as error:
            raise journal_error(path, "cannot be moved", error) from None
    return tuple(kept)


def _move_aside(path: Path, wall_ns: int) -> Path:
    aside = path.with_name(f"{path.name}.set-aside-{wall_ns}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _create(path: Path, desk: str, bot_tag: int, wall_ns: int) -> None:
    # created by hand first: SQLite would use the umask, and its -wal and -shm files copy the mode of this one
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    with closing(connect(path)) as connection:
        header = {"desk": desk, "bot_tag": str(bot_tag), "created_wall_ns": str(wall_ns)}
        connection.executescript(f"BEGIN; {TABLES}")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", header.items())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
