"""Defects of restart, ids, the send gate and the operator's commands."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from actors.intents import IntentLog
from actors.journal.orders import Market
from actors.journal.reader import JournalReader, Restored
from actors.send_gate import is_entry
from exchanges.errors import JournalError
from exchanges.records import replace
from exchanges.values import Side
from tests.simulation.planted.bugs import Bug

_reserve, _restore = IntentLog.reserve, JournalReader.restore


def _reserves_from_one(self: IntentLog, count: int = 64, owner: str = "") -> tuple[int, int]:
    if "begun" not in self.__dict__:
        self.__dict__["begun"] = True
        self._highest = 0
    return _reserve(self, count, owner)


def _forgets_floor(_self: IntentLog, _sequence: int) -> None:
    return


def _remembers_nothing(self: JournalReader, markets: Mapping[str, Market], **given: Any) -> Restored:
    return replace(_restore(self, markets, **given), grids={}, markets={}, unsettled=frozenset())


def _always_fresh(*_: object) -> bool:
    return True


def _only_halt(self: Any, command: Any) -> None:
    self.halted.check(is_entry=is_entry(command))


def _no_halt(*_: object, is_entry: bool) -> None:
    del is_entry


def _no_problem(*_: object) -> str:
    return ""


def _off_tick(price: Decimal, tick: Decimal, _side: Side) -> Decimal:
    return price // tick * tick + tick / 10


def _sent_without_intent(self: Any, command: Any) -> None:
    self._check_now(command)
    try:
        self._intents.record(command, self._clock.wall_ns() + self.fence_ns)
    except (JournalError, AttributeError):
        return


PROCESS_BUGS: Final = (
    Bug(
        name="ids-begin-again",
        source="RELIABILITY.md A.2 cause 5; ORIGIN.md A.6 #14",
        what="Ids begin at 1 after every start.",
        patches=(
            ("actors.intents.IntentLog.reserve", _reserves_from_one),
            ("actors.intents.IntentLog.raise_floor", _forgets_floor),
        ),
        needs=("crash", "power", "stop"),
        seed=3,
    ),
    Bug(
        name="nothing-restored",
        source="RELIABILITY.md A.2 cause 9; ORIGIN.md A.6 #19",
        what="A start knows nothing of the lots and orders of the one before.",
        patches=(("actors.journal.reader.JournalReader.restore", _remembers_nothing),),
        needs=("crash", "power", "stop"),
        seed=3,
    ),
    Bug(
        name="stale-price-looks-fresh",
        source="ORIGIN.md A.6 #22",
        what="A price is fresh, however old it is.",
        patches=(
            ("actors.grid.common.Quote.is_fresh", _always_fresh),
            ("actors.send_gate.SendGate._check_now", _only_halt),
        ),
        needs=("stall", "half_open", "partition", "outage"),
        unit_test="actors/test_send_gate.py::test_an_entry_from_an_old_quote_is_denied_and_leaves_no_intent",
    ),
    Bug(
        name="halt-is-a-message",
        source="RELIABILITY.md A.3, S7",
        what="A halt is told to the strategy and not checked at the gate.",
        patches=(("actors.send_gate.HaltFlag.check", _no_halt),),
        needs=("halt",),
        unit_test="actors/test_send_gate.py::test_a_halt_stops_entries_and_nothing_else",
    ),
    Bug(
        name="price-off-tick",
        source="ORIGIN.md A.6 #20, #35; RELIABILITY.md S13",
        what="Prices are not rounded to the tick, and the gate does not look.",
        patches=(
            ("actors.grid.pricing.round_price", _off_tick),
            ("actors.send_gate.rule_problem", _no_problem),
        ),
    ),
    Bug(
        name="sent-without-intent",
        source="ORIGIN.md A.6 R6; RELIABILITY.md P4, S5",
        what="An entry leaves although its intent could not be written down.",
        patches=(("actors.send_gate.SendGate.pass_through", _sent_without_intent),),
        needs=("disk_full",),
        seed=19,
    ),
)
