"""Clearing a latched stop while no bot runs: `run.py CONF --resume` before the next start."""

import sqlite3
from contextlib import closing
from pathlib import Path

from actors.journal.schema import FILE_NAME, connect
from actors.locks import Locks
from exchanges.errors import JournalError


def clear_latches(state_dir: Path, wall_ns: int) -> tuple[str, ...]:
    """Clear every latch and pause of a bot that is not running; return the grids that had one as 'grid (kind)'.

    It is recorded as a resume at `wall_ns`, so that the loss of the day until then does not stop the next start again.

    Raises:
        AlreadyRunning: a bot holds the state folder; say it to the bot instead.
        JournalError: the journal cannot be written.
    """
    path = state_dir / FILE_NAME
    if not path.exists():
        return ()
    with Locks().acquire(state_dir, (), 0, state_dir):
        try:
            with closing(connect(path)) as sql:
                sql.execute("BEGIN IMMEDIATE")
                found = sql.execute(
                    "SELECT grid, CASE latch WHEN '' THEN 'paused' ELSE latch END FROM grids "
                    "WHERE latch != '' OR paused"
                ).fetchall()
                sql.execute("UPDATE grids SET latch = '', latch_text = '', paused = 0")
                if found:
                    sql.execute(
                        "INSERT INTO events (run, actor, kind, grid, lot, client_order_id, occurred_wall_ns, "
                        "received_wall_ns, payload) SELECT coalesce(max(run), 0), 'operator', 'ResumeEntries', '', "
                        '0, 0, 0, ?, \'{"grid":""}\' FROM runs',
                        (wall_ns,),
                    )
                sql.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalError(f"{path} cannot be written: {error}") from None
    return tuple(f"{grid} ({kind})" for grid, kind in found)
