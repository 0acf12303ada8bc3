"""The start of a bot's memory: intents and journal opened, repaired, brought together, and read.

Called once, before any actor is started, on the starter's thread. What it returns is everything the bot knows before
the venue has been read.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection, Error

from actors.intents import IntentHistory, IntentLog, open_intents, read_boot_id
from actors.journal.accounts import bind_accounts
from actors.journal.reader import JournalReader, Restored
from actors.journal.schema import JournalDamaged, OpenedJournal, connect, journal_error, open_journal
from actors.journal.writer import FactWriter, Market
from exchanges.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedState:
    """What the bot starts from.

    Attributes:
        intents: The writer of the intent file, compacted: give it to the order lanes and the Journal; close it last.
        history: What the intent file said. `suspect_wall_ns` not 0: orders sent before that time may be unknown here.
        restored: What each grid starts from, and where each market's reading is taken up.
        journal_path: The database, for readers.
        run: Number of this run.
        problems: Texts for a person: what was damaged, moved aside or left behind. Empty if all is well.
    """

    intents: IntentLog
    history: IntentHistory
    restored: Restored
    journal_path: Path
    run: int
    problems: tuple[str, ...]

    def connect(self) -> Connection:
        """Open the writer's connection, on the thread that will use it."""
        return connect(self.journal_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose state it is.

    Attributes:
        desk: Name of the desk.
        bot_tag: The tag in this bot's ids.
        accounts: The account on each exchange, by exchange name; labels without secrets.
        accepts_accounts: Whether other accounts than before are taken for the same ones under other keys.
    """

    desk: str
    bot_tag: int
    accounts: Mapping[str, str] = field(default_factory=dict)
    accepts_accounts: bool = False


def open_state(state_dir: Path, *, owner: Owner, markets: Mapping[str, Market], clock: Clock) -> OpenedState:
    """Open intents and journal of a bot. Hold the lock of the state folder before.

    Args:
        state_dir: Made if it does not exist, for the owner only.
        owner: Whose state it is.
        markets: Where each configured grid trades, by grid name.
        clock: Wall time of records.

    Raises:
        JournalError: the intent file is another bot's, the journal another account's, or the disk refuses.
    """
    desk, bot_tag = owner.desk, owner.bot_tag
    intents, history = open_intents(state_dir, desk=desk, bot_tag=bot_tag, clock=clock)
    try:
        wall_ns = clock.wall_ns()
        opened = open_journal(state_dir, desk=desk, bot_tag=bot_tag, wall_ns=wall_ns)
        try:
            run, restored = _begin_run(opened, owner, history, markets, wall_ns)
        except JournalDamaged as damage:
            opened = open_journal(state_dir, desk=desk, bot_tag=bot_tag, wall_ns=wall_ns, known_damage=str(damage))
            run, restored = _begin_run(opened, owner, history, markets, wall_ns)
        intents.raise_floor(restored.highest_sequence)
        intents.compact(lambda intent: intent.client_order_id in restored.unsettled)
    except BaseException:
        intents.close()
        raise
    return OpenedState(
        intents=intents,
        history=history,
        restored=restored,
        journal_path=opened.path,
        run=run,
        problems=(*history.problems, *opened.problems, *restored.problems),
    )


def _begin_run(
    opened: OpenedJournal, owner: Owner, history: IntentHistory, markets: Mapping[str, Market], wall_ns: int
) -> tuple[int, Restored]:
    try:
        with closing(connect(opened.path)) as sql:
            sql.execute("PRAGMA synchronous = FULL")
            sql.execute("BEGIN IMMEDIATE")
            bind_accounts(sql, opened.path, owner.accounts, accepts_others=owner.accepts_accounts)
            run = sql.execute(
                "INSERT INTO runs (started_wall_ns, boot_id) VALUES (?, ?) RETURNING run", (wall_ns, read_boot_id())
            ).fetchone()[0]
            writer = FactWriter(sql, run, markets)
            writer.prepare()
            writer.adopt(history.intents)
            writer.finish(wall_ns)
            sql.execute("COMMIT")
    except Error as error:
        raise journal_error(opened.path, "cannot be written", error) from None
    restored = JournalReader(opened.path).restore(
        markets,
        now_wall_ns=wall_ns,
        suspect_through=history.suspect_through,
        forgotten_through=history.highest_sequence if opened.is_new else 0,
    )
    return int(run), restored
