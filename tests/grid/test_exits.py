"""The exit machine as a whole: what it tells of its lots, when a price or time alone sends something, and its ids."""

from dataclasses import replace

import pytest

from actors.grid import closing, exits, inquiry
from actors.grid.positions import REMEMBERED
from actors.grid.settings import Direction
from actors.grid.state import (
    SECOND_NS,
    CloseOrder,
    ExitBook,
    ExitKind,
    FlattenProgress,
    IdBlock,
    Part,
    TrackedPosition,
)
from actors.log_events import LogEvent
from actors.messages import (
    CancelExits,
    CloseOrderPlaced,
    EntryFilled,
    FlattenPositions,
    LotsChanged,
    Note,
    NoteLevel,
    PlaceLimitOrder,
    PositionClosed,
    PriceChanged,
    PriceStale,
    ReserveSequences,
    SequencesReserved,
)
from exchanges.values import CancelReason, ClientOrderId, RejectReason
from tests.grid.harness import D, Harness, make_context

NOW_NS = 1_000 * SECOND_NS
ORDER = CloseOrder(
    client_order_id=ClientOrderId(1),
    lot=1,
    kind=ExitKind.RESTING,
    price=D(101),
    quantity=D(1),
    parts=(Part(1, D(1)),),
    placed_ns=NOW_NS,
)
LOT = TrackedPosition(lot=1, sequence=1, next_leg=2, opened_ns=NOW_NS, entry_filled=D(1))


def with_lot(**settings):
    grid = Harness(max_orders=1, **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000", fee="0.02")
    grid.ack("c2")
    grid.take()
    return grid


@pytest.mark.parametrize(
    ("direction", "entry_price", "fills", "exit_price"),
    [
        (Direction.BUY, "99.9", ("100.9", "101.1"), "101"),
        (Direction.SELL, "100.2", ("99.2", "99.0"), "99.1"),
    ],
)
def test_a_closed_lot_is_told_with_its_prices_and_its_profit_after_fees(direction, entry_price, fills, exit_price):
    grid = Harness(max_orders=1, direction=direction)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.800", fee="0.02")
    grid.done("c1", CancelReason.REQUESTED, "0.800")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.400", fills[0], fee="0.01")
    assert grid.of(PositionClosed) == []
    grid.fill("c2", "t3", "0.400", fills[1], fee="0.01")
    assert grid.of(PositionClosed) == [
        PositionClosed(
            grid="g",
            lot=1,
            entry_price=D(entry_price),
            exit_price=D(exit_price),
            quantity=D("0.8"),
            realized_pnl=D("0.84"),
            fees=D("0.04"),
        )
    ]
    assert grid.exits.lots == ()
    assert grid.exits.counters.lots_closed == 1
    assert grid.exits.counters.realized_pnl == D("0.84")
    assert [note.lot for note in grid.notes if note.event is LogEvent.LOT_CLOSED] == [1]


def test_the_profits_of_all_lots_add_up_even_if_an_entry_filled_at_several_prices():
    """A part that closes early is told by the average entry as it was then; the whole lot goes by the last one."""
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500", "99.9")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.500", "100.9")
    assert grid.exits.counters.realized_pnl == D("0.5")
    grid.fill("c1", "t3", "0.500", "98.9")
    grid.ack("c3")
    grid.fill("c3", "t4", "0.500", "100.4")
    assert grid.of(PositionClosed)[0].realized_pnl == D("1.25")
    assert grid.exits.counters.realized_pnl == D("1.25")
    grid.ack("c4")
    grid.fill("c4", "t5", "1.000", "99.9")
    grid.ack("c5")
    grid.fill("c5", "t6", "1.000", "100.9")
    assert grid.exits.counters.lots_closed == 2
    assert grid.exits.counters.realized_pnl == D("2.25")


def test_a_lot_stays_open_until_its_entry_its_quantity_and_its_exits_have_ended():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.500")
    assert [lot.lot for lot in grid.exits.lots] == [1]
    grid.done("c1", CancelReason.REQUESTED, "0.500")
    assert grid.exits.lots == ()


def test_a_lot_with_nothing_left_stays_open_while_an_exit_of_it_may_still_fill():
    grid = with_lot()
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.is_watching = False
    grid.fill("c2", "late", "1.000")
    assert grid.held == 0
    assert grid.of(PositionClosed) == []
    grid.done("c3", CancelReason.REQUESTED, "0")
    assert len(grid.of(PositionClosed)) == 1


def reopened():
    """A grid whose first lot closed half an entry and was opened again by a fill of 0.4 that came late."""
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    grid.done("c1", CancelReason.REQUESTED, "0.500")
    grid.fill("c2", "t2", "0.500")
    assert (grid.exits.closed, grid.exits.closed_high) == ((Part(1, D("0.5")),), 1)
    grid.fill("c1", "late", "0.400")
    return grid


def test_a_closed_lot_is_remembered_once_with_all_it_ever_closed():
    grid = reopened()
    assert grid.exits.lots[0].closed_before == D("0.5")
    grid.fill("c4", "t4", "0.400")
    assert grid.exits.lots == ()
    assert (grid.exits.closed, grid.exits.closed_high) == ((Part(1, D("0.9")),), 1)


def test_the_newest_closed_lots_are_remembered_and_the_highest_number():
    grid = with_lot()
    old = tuple(Part(number, D(1)) for number in range(100, 100 + REMEMBERED))
    grid.exits = replace(grid.exits, closed=old, closed_high=500)
    grid.fill("c2", "t2", "1.000")
    assert grid.exits.closed == (*old[1:], Part(1, D(1)))
    assert grid.exits.closed_high == 500


@pytest.mark.parametrize(("direction", "sign"), [(Direction.BUY, 1), (Direction.SELL, -1)])
def test_the_strategy_is_told_what_the_lots_hold(direction, sign):
    grid = with_lot(direction=direction)
    command = grid.orders["c1"].command
    assert grid.of(LotsChanged)[-1] == LotsChanged(
        grid="g",
        open_lots=1,
        exit_prices=(grid.orders["c2"].price,),
        position=D(sign),
        cost=command.price,
        unprotected_quantity=D(0),
        realized_pnl=D(0),
        fees=D("0.02"),
        mismatch=False,
        entries_received=D(1),
        external=D(0),
    )


def test_the_strategy_is_told_what_has_no_exit_yet_and_what_somebody_else_holds():
    grid = Harness(max_orders=1)
    grid.exits = replace(grid.exits, external=D("0.7"))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.300")
    told = grid.of(LotsChanged)[-1]
    assert (told.unprotected_quantity, told.external, told.open_lots) == (D("0.3"), D("0.7"), 1)


def test_dust_is_no_open_lot_but_still_part_of_the_position():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.050")
    told = grid.of(LotsChanged)[-1]
    assert (told.open_lots, told.position, told.unprotected_quantity) == (0, D("0.05"), D(0))
    assert told.cost == D("0.05") * D("99.9")


def test_an_exit_that_takes_at_once_is_no_price_for_the_grid_step():
    grid = with_lot()
    book = grid.exits
    for kind, prices in ((ExitKind.RESTING, (D("100.9"),)), (ExitKind.EMERGENCY, ())):
        orders = tuple(replace(order, kind=kind) for order in book.orders)
        step = exits.step(grid.context, replace(book, orders=orders, told=None), PriceStale(grid="g", why=""), 1)
        assert [told.exit_prices for told in step.outputs if isinstance(told, LotsChanged)] == [prices]


def test_the_strategy_is_told_only_what_is_new():
    grid = with_lot()
    told = len(grid.of(LotsChanged))
    grid.tick()
    assert len(grid.of(LotsChanged)) == told
    grid.fill("c2", "t2", "0.100")
    assert len(grid.of(LotsChanged)) == told + 1


def test_the_strategy_is_told_nothing_before_the_venue_was_read():
    step = exits.step(make_context(), ExitBook(lots=(LOT,)), PriceStale(grid="g", why=""), NOW_NS)
    assert [type(output) for output in step.outputs] == [ReserveSequences]
    assert step.state.told is None


def test_cover_is_told_whenever_it_changes():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    assert grid.of(CloseOrderPlaced) == []
    grid.ack("c2")
    grid.fill("c1", "t2", "0.500")
    grid.ack("c3")
    grid.tick()
    covered = [CloseOrderPlaced(grid="g", lot=1, covered=D(quantity)) for quantity in ("0.5", "1")]
    assert grid.of(CloseOrderPlaced) == covered
    grid.fill("c2", "t3", "0.500")
    grid.fill("c3", "t4", "0.500")
    assert grid.of(CloseOrderPlaced) == covered


def test_each_lot_tells_its_own_cover_once():
    grid = Harness(grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(4_000)
    grid.fill("c3", "t3", "0.500")
    grid.ack("c4")
    grid.tick()
    assert grid.of(CloseOrderPlaced) == [
        CloseOrderPlaced(grid="g", lot=1, covered=D(1)),
        CloseOrderPlaced(grid="g", lot=2, covered=D("0.5")),
    ]


def test_a_lot_that_a_late_fill_closes_tells_its_cover_although_no_exit_worked():
    grid = with_lot()
    grid.done("c2", CancelReason.OTHER, "0")
    grid.done("c3", CancelReason.OTHER, "0")
    assert grid.of(CloseOrderPlaced)[-1] == CloseOrderPlaced(grid="g", lot=1, covered=D(0))
    grid.fill("c3", "late", "1.000")
    assert grid.exits.lots == ()
    assert grid.of(CloseOrderPlaced)[-1] == CloseOrderPlaced(grid="g", lot=1, covered=D(1))


def refused(wait_ms=250):
    """A grid whose only exit was refused; the next attempt is due in `wait_ms`."""
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.reject("c2", RejectReason.POST_ONLY)
    grid.take()
    assert grid.exits.next_ns == grid.now_ns + wait_ms * 1_000_000
    return grid


def test_a_price_sends_what_time_has_made_due_and_nothing_earlier():
    grid = refused()
    due_ns = grid.exits.next_ns
    for now_ns, lines in ((due_ns - 1, []), (due_ns, ["c3 sell 1@100.9"])):
        grid.now_ns = now_ns
        grid.give("closer", PriceChanged(grid="g", bid=D("100.0"), ask=D("100.1"), alive_ns=now_ns))
        assert grid.take() == lines
    assert grid.orders["c3"].command.caused_ns == 0


def test_a_price_alone_is_only_remembered():
    grid = with_lot()
    before = grid.exits
    event = PriceChanged(grid="g", bid=D("50.0"), ask=D("50.1"), alive_ns=grid.now_ns)
    step = exits.step(grid.context, before, event, grid.now_ns)
    assert step.state == replace(before, quote=step.state.quote)
    assert (step.state.quote.bid, step.state.quote.ask, step.state.quote.alive_ns) == (D(50), D("50.1"), grid.now_ns)
    assert (step.outputs, step.notes) == ((), ())


def test_an_exit_names_the_moment_the_fill_that_caused_it_was_read():
    grid = Harness()
    grid.ack("c1")
    grid.pass_ms(70)
    grid.fill("c1", "t1", "1.000")
    assert grid.orders["c2"].command.caused_ns == grid.now_ns


def test_an_exit_that_protects_while_a_flatten_has_no_price_names_its_fill_too():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    grid.ack("c2")
    grid.stale()
    grid.give("closer", FlattenPositions(grid="g", reason="operator"))
    grid.pass_ms(70)
    grid.fill("c1", "t2", "0.500")
    assert grid.orders["c3"].command.caused_ns == grid.now_ns


def test_an_exit_leaves_before_the_rest_of_its_step_is_worked_out():
    grid = Harness()
    fill = EntryFilled(grid="g", lot=1, price=D("99.9"), quantity=D(1), leaves=D(0), received_ns=grid.now_ns)
    early = []
    step = exits.step(grid.context, grid.exits, fill, grid.now_ns, early.extend)
    assert [type(message) for message in early] == [PlaceLimitOrder]
    assert step.outputs[0] == early[0]
    assert step == exits.step(grid.context, grid.exits, fill, grid.now_ns)


def test_a_stale_price_is_kept_but_not_used():
    grid = with_lot()
    quote = grid.exits.quote
    grid.give("closer", PriceStale(grid="g", why="silence"))
    assert grid.exits.quote == replace(quote, is_stale=True)


def test_withheld_exits_are_told():
    grid = with_lot()
    grid.give("closer", CancelExits())
    assert [note for note in grid.notes if note.event is LogEvent.EXITS_WITHHELD] == [
        Note(event=LogEvent.EXITS_WITHHELD, level=NoteLevel.WARNING, grid="g", text="")
    ]


def test_the_closer_asks_for_ids_of_its_own_and_again_after_a_silence():
    grid = with_lot()
    grid.answers_reservations = False
    grid.exits = replace(grid.exits, ids=IdBlock(ranges=((100, 131),)))
    asked = ReserveSequences(grid="g", for_exits=True)
    for seconds, count in ((0, 1), (9.999, 1), (0.001, 2)):
        grid.pass_ms(seconds * 1_000)
        grid.tick()
        assert grid.of(ReserveSequences) == [asked] * count
    assert grid.exits.ids.asked_ns == grid.now_ns
    grid.give("closer", SequencesReserved(grid="g", first=200, last=263))
    assert grid.exits.ids == IdBlock(ranges=((100, 131), (200, 263)))


def due(book, **settings):
    return exits.deadline_ns(make_context(**settings), replace(book, is_connected=True))


@pytest.mark.parametrize(
    ("changes", "due_ns"),
    [
        ({}, NOW_NS + inquiry.SILENCE_NS),
        ({"accepted_ns": NOW_NS}, None),
        ({"accepted_ns": NOW_NS, "cancel": inquiry.cancellation("why", NOW_NS)}, NOW_NS + inquiry.CANCEL_WAIT_NS),
        (
            {
                "cancel": inquiry.cancellation("why", NOW_NS),
                "inquiry": inquiry.begin("why", fence_ns=0, at_ns=NOW_NS + 9 * SECOND_NS),
            },
            NOW_NS + 9 * SECOND_NS,
        ),
    ],
)
def test_an_exit_is_due_at_its_question_its_cancel_or_after_its_silence(changes, due_ns):
    book = ExitBook(orders=(replace(ORDER, **changes),))
    assert due(book) == due_ns
    assert exits.deadline_ns(make_context(), book) is None, "nothing is sent before the venue was read"


@pytest.mark.parametrize(
    ("changes", "due_ns"),
    [
        ({}, None),
        ({"blocked": closing.RETRY, "retry_ns": NOW_NS + 5, "hold_ns": NOW_NS + 3}, NOW_NS + 5),
        ({"blocked": closing.COLLECTING, "retry_ns": NOW_NS + 5, "hold_ns": NOW_NS + 7}, NOW_NS + 7),
        ({"blocked": closing.WITHHELD, "retry_ns": NOW_NS + 5, "hold_ns": NOW_NS + 7}, None),
    ],
)
def test_a_lot_is_due_when_its_wait_ends(changes, due_ns):
    assert due(ExitBook(lots=(replace(LOT, **changes),)), lot_timeout_s=D(0)) == due_ns


@pytest.mark.parametrize(
    ("changes", "due_ns"),
    [
        ({}, NOW_NS + SECOND_NS // 2),
        ({"blocked": closing.RETRY, "retry_ns": NOW_NS + 5}, NOW_NS + 5),
        ({"is_overdue": True}, None),
        ({"exit_filled": D("0.999")}, NOW_NS + SECOND_NS // 2),
        ({"exit_filled": D(1)}, None),
    ],
)
def test_a_lot_that_holds_something_is_due_at_its_greatest_age(changes, due_ns):
    assert due(ExitBook(lots=(replace(LOT, **changes),)), lot_timeout_s=D("0.5")) == due_ns


def test_the_earliest_of_all_lots_and_orders_is_due_first():
    second = replace(LOT, lot=2, blocked=closing.RETRY, retry_ns=NOW_NS + 5)
    assert due(ExitBook(lots=(LOT, second), orders=(ORDER,))) == NOW_NS + 5
    assert due(ExitBook(lots=(LOT,), orders=(replace(ORDER, accepted_ns=1), ORDER))) == NOW_NS + inquiry.SILENCE_NS


@pytest.mark.parametrize(
    ("orders", "retry_ns", "due_ns"),
    [((), NOW_NS + 5, NOW_NS + 5), ((), 0, None), ((replace(ORDER, accepted_ns=NOW_NS),), NOW_NS + 5, None)],
)
def test_a_flatten_is_due_at_its_next_try_once_the_exits_are_settled(orders, retry_ns, due_ns):
    assert due(ExitBook(flatten=FlattenProgress(reason="operator", retry_ns=retry_ns), orders=orders)) == due_ns


@pytest.mark.parametrize("message", [CancelExits(grid="g"), FlattenPositions(grid="g", reason="operator")])
def test_the_age_of_a_lot_does_not_hide_that_a_cancel_is_silent(message):
    """Nobody acts on the age then, so it would stay due for ever and no tick would come for anything behind it."""
    grid = with_lot(lot_timeout_s=D(1))
    grid.give("closer", message)
    grid.pass_ms(1_000)
    assert exits.deadline_ns(grid.context, grid.exits) == grid.exits.orders[0].cancel.next_ns


def test_the_next_try_of_a_flatten_does_not_hide_that_of_an_exit_while_there_is_no_price():
    grid = with_lot()
    grid.give("closer", FlattenPositions(grid="g", reason="operator"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.reject("c3", RejectReason.RATE)
    assert grid.exits.next_ns == grid.exits.flatten.retry_ns
    grid.stale()
    grid.pass_ms(1_500)
    assert grid.places() == ["c3 ioc sell 1@99.9", "c4 sell 1@100.9"]
    grid.reject("c4", RejectReason.POST_ONLY)
    grid.reject("c5", RejectReason.POST_ONLY)
    assert grid.exits.flatten.retry_ns < grid.now_ns
    assert grid.exits.next_ns == grid.exits.lots[0].retry_ns > grid.now_ns
