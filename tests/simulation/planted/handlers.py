"""What the fault catalogue relies on, taken out: each fault test fails when its handler is missing."""

from typing import Any, Final

from actors.connection import ExchangeConnection
from actors.connection_parts import GridReading
from actors.connection_reads import VenueReads
from actors.grid import closing, settling
from actors.grid.draft import Draft
from actors.grid.state import ExitBook, TrackedPosition
from actors.steps import Steps, ask, wait
from exchanges.order_ids import FIRST_EXIT_LEG
from exchanges.values import CancelReason
from tests.simulation.planted.bugs import Bug

_serve = closing._serve
_FAR_S: Final = 1e6


def _no(*_: object, **__: object) -> None:
    return


def _false(*_: object, **__: object) -> bool:
    return False


def _nothing_to_wait(*_: object, **__: object) -> int:
    return 0


def _never_reconnects(self: ExchangeConnection, *, renews: bool, least_wait_s: float) -> Steps[None]:
    del self, renews, least_wait_s
    yield from wait(_FAR_S)


def _never_a_problem(*_: object) -> str:
    return ""


_lesson = settling._lesson


def _not_learned(draft: Draft[ExitBook], lot: TrackedPosition, *given: Any) -> TrackedPosition:
    order, reason = given[0], given[1]
    return lot if reason is CancelReason.POST_ONLY else _lesson(draft, lot, order, reason, given[2])


def _only_first_exits(draft: Draft[ExitBook], lot: TrackedPosition, caused_ns: int) -> None:
    if lot.next_leg == FIRST_EXIT_LEG:
        _serve(draft, lot, caused_ns)


def _nothing_is_caught_up(self: VenueReads) -> Steps[dict[str, Any]]:
    readings = {}
    for grid in self._grids.values():
        active = yield from ask(self._venue.active_orders(grid.symbol))
        position = yield from ask(self._venue.position(grid.symbol))
        readings[grid.symbol] = GridReading(active, position)
    return readings


HANDLER_BUGS: Final = (
    Bug(
        name="no-dedupe",
        source="W2 O5 V11",
        what="exchanges.order_account.OrderAccount.is_repeated_trade: a trade told twice counts twice.",
        patches=(("exchanges.order_account.OrderAccount.is_repeated_trade", _false),),
        seed=1,
    ),
    Bug(
        name="no-audit",
        source="W4 W14 W15 V2",
        what="actors.connection.ExchangeConnection._start_audit: nobody compares with the venue.",
        patches=(("actors.connection.ExchangeConnection._start_audit", _no),),
        seed=16,
    ),
    Bug(
        name="no-reconnect",
        source="W7 W11 W12",
        what="actors.connection.ExchangeConnection._reconnect: a private stream that is lost stays lost.",
        patches=(("actors.connection.ExchangeConnection._reconnect", _never_reconnects),),
    ),
    Bug(
        name="no-catch-up",
        source="W7 W8 M9",
        what="actors.connection_reads.VenueReads.catch_up: what happened while nobody listened is not read.",
        patches=(("actors.connection_reads.VenueReads.catch_up", _nothing_is_caught_up),),
        unit_test="actors/test_connection.py::test_a_lost_stream_is_told_once_and_restored_after_a_catch_up",
    ),
    Bug(
        name="no-inquiry",
        source="O1 O2 O3 O8 O9 O23",
        what="actors.order_questions.OrderQuestions.settle: what became of an unknown order is never asked.",
        patches=(("actors.order_questions.OrderQuestions.settle", _no),),
        needs=("reply_lost", "request_lost", "reset_before", "reset_after"),
        seed=1,
    ),
    Bug(
        name="no-exit-again",
        source="V2 V4 V6 O17",
        what="actors.grid.closing._serve: an exit that was canceled or refused is not placed again.",
        patches=(("actors.grid.closing._serve", _only_first_exits),),
        needs=("cancel_ours", "flatten"),
        seed=4,
    ),
    Bug(
        name="no-intents",
        source="P1 P3 P13",
        what="actors.journal.writer.FactWriter.adopt: a start does not take up what had been sent last.",
        patches=(("actors.journal.writer.FactWriter.adopt", _no),),
        needs=("crash", "power"),
        unit_test="actors/journal/test_state.py::test_order_that_only_the_intent_file_saw_is_unknown_with_its_fence",
    ),
    Bug(
        name="no-crew-restart",
        source="P7",
        what="actors.bot.TradingBot._on_crew_failed: an actor that died stays dead.",
        patches=(("actors.bot.TradingBot._on_crew_failed", _no),),
        needs=("die",),
        stands=True,
        seed=21,
    ),
    Bug(
        name="no-lock",
        source="P11 V12",
        what="actors.locks.Locks._take: a second instance is let in.",
        patches=(("actors.locks.Locks._take", _no),),
        needs=("second",),
        seed=11,
    ),
    Bug(
        name="no-budget",
        source="O6",
        what="exchanges.pacing.RateBudget.take: requests leave as they come.",
        patches=(("exchanges.pacing.RateBudget.take", _nothing_to_wait),),
        seed=4,
    ),
    Bug(
        name="no-nonce-refresh",
        source="O13",
        what="exchanges.lighter.nonces.NonceSource.forget: a nonce that the venue counts otherwise is kept.",
        patches=(("exchanges.lighter.nonces.NonceSource.forget", _no),),
        venue="lighter",
        unit_test="exchanges/lighter/test_nonces.py::test_forgotten_and_claimed_nonces_have_to_be_asked_for",
    ),
    Bug(
        name="no-early-fills",
        source="W1 W3 W5",
        what="exchanges.fills.FillLedger._join: fills that came before their order's id was known are lost.",
        patches=(("exchanges.fills.FillLedger._join", _no),),
        needs=("frame_swapped",),
        unit_test="exchanges/test_fills.py::test_fill_by_unknown_venue_id_waits_and_is_told_when_the_id_is_known",
    ),
    Bug(
        name="no-clock-again",
        source="O12 P15",
        what="actors.connection.ExchangeConnection._doubt_clock: a clock that was set is not measured anew.",
        patches=(
            ("actors.connection.ExchangeConnection._doubt_clock", _no),
            ("actors.connection.ExchangeConnection._read_clock_soon", _no),
        ),
        needs=("skew",),
        unit_test=(
            "actors/test_connection_watch.py::test_a_wall_clock_that_was_set_has_the_venues_read_at_once_and_shown"
        ),
    ),
    Bug(
        name="no-silence-watch",
        source="W10 W18",
        what="actors.stream_watch.StreamWatch.problem: a stream that says nothing any more counts as alive.",
        patches=(("actors.stream_watch.StreamWatch.problem", _never_a_problem),),
        needs=("stall", "half_open"),
        unit_test="actors/test_stream_watch.py::test_a_stream_that_says_nothing_of_what_happened_is_deaf",
    ),
    Bug(
        name="no-backoff-for-post-only",
        source="O16",
        what="actors.grid.settling._lesson: an exit refused as post-only is placed again at the same price, at once.",
        patches=(("actors.grid.settling._lesson", _not_learned),),
    ),
)
