"""The bot's memory: the journal's actor, its reader, and what a restart starts from."""

from actors.journal.actor import AnswerReservations, FlushJournal, Journal, JournalFailed, JournalRecovered
from actors.journal.door import JournalDoor
from actors.journal.latches import clear_latches
from actors.journal.reader import JournalReader, KnownOrder, Restored, RestoredMarket
from actors.journal.schema import set_state_aside
from actors.journal.state import OpenedState, Owner, open_state
from actors.journal.writer import Market

__all__ = [
    "AnswerReservations",
    "FlushJournal",
    "Journal",
    "JournalDoor",
    "JournalFailed",
    "JournalReader",
    "JournalRecovered",
    "KnownOrder",
    "Market",
    "OpenedState",
    "Owner",
    "Restored",
    "RestoredMarket",
    "clear_latches",
    "open_state",
    "set_state_aside",
]
