"""Whose books a journal keeps: the account on each exchange, noted at the first start and compared at every other.

Lots of one account are nothing to another: exits would be sent for a position that is not there. So a journal that was
kept for another account stops the start, unless the operator says that it is the same account under another key.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from exchanges.errors import JournalError

_KEY: Final = "account:"


def bind_accounts(sql: sqlite3.Connection, path: Path, accounts: Mapping[str, str], *, accepts_others: bool) -> None:
    """Note the account of each exchange (exchange name -> label without secrets), inside the caller's transaction.

    Args:
        sql: The writer's connection.
        path: The journal, for messages.
        accounts: The accounts of this start.
        accepts_others: Whether another account than before is taken for the same one under another key.

    Raises:
        JournalError: the journal was kept for another account.
    """
    for exchange, account in accounts.items():
        row = sql.execute("SELECT value FROM meta WHERE key = ?", (_KEY + exchange,)).fetchone()
        if row is not None and row[0] != account and not accepts_others:
            raise JournalError(
                f"{path} was kept for account {row[0]} on exchange {exchange}, not for {account}. Give this bot a "
                "desk.state_dir of its own; if it is the same account under another key, start once with "
                "--same-account."
            )
        sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY + exchange, account))
