from dataclasses import replace

import pytest

from actors.grid import exits
from actors.grid.state import (
    SECOND_NS,
    ExitBook,
    Flattening,
    FlattenProgress,
    IdBlock,
    Mismatch,
    Quote,
    TrackedPosition,
)
from actors.log_events import LogEvent
from actors.messages import (
    CancelExits,
    Flatten,
    Flattened,
    FlattenPositions,
    LotsChanged,
    Note,
    NoteLevel,
    PlaceMarketOrder,
    Tick,
)
from exchanges.order_ids import LAST_EXIT_LEG
from exchanges.values import CancelReason, OrderStatus, RejectReason
from tests.grid.harness import D, Harness, make_context


def flattening(**settings):
    """A grid with one lot whose exit has been canceled for a flatten."""
    grid = Harness(max_orders=1, **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    return grid


def flatten(grid):
    grid.tell(Flatten(grid="g"))
    assert grid.take() == ["cancel c2"]
    grid.done("c2", CancelReason.REQUESTED, "0")


def test_flatten_of_nothing_is_finished_at_once():
    grid = Harness()
    grid.ack("c1")
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.take()
    grid.tell(Flatten(grid="g"))
    assert len(grid.of(Flattened)) == 1
    assert grid.state.flattening is None
    assert grid.take() == []


def test_flatten_repeats_with_fresh_prices_until_nothing_is_left():
    grid = flattening()
    flatten(grid)
    assert grid.take() == ["c3 ioc sell 1@99.9"]
    grid.give("closer", FlattenPositions(grid="g", reason="again"))
    assert grid.count(LogEvent.FLATTEN_STARTED) == 1
    grid.fill("c3", "t3", "0.300", "99.9")
    grid.price("99.0", "99.1")
    grid.done("c3", CancelReason.IMMEDIATE, "0.300")
    assert grid.exits.lots[0].blocked == "flatten: waiting to try again"
    grid.pass_ms(250)
    assert grid.take() == ["c4 ioc sell 0.7@99"]
    grid.reject("c4", RejectReason.RATE)
    grid.pass_ms(999)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["c5 ioc sell 0.7@99"]
    grid.fill("c5", "t5", "0.700", "99.0")
    assert len(grid.of(Flattened)) == 1


@pytest.mark.parametrize("quote", ["none", "stale"])
def test_flatten_leaves_the_exits_until_there_is_a_fresh_price(quote):
    grid = flattening()
    grid.stale()
    if quote == "none":
        grid.exits = replace(grid.exits, quote=None)
    grid.tell(Flatten(grid="g"))
    grid.pass_ms(5_000)
    assert grid.take() == []
    assert grid.exits.naked_since_ns is None
    grid.price("100.0", "100.1")
    assert grid.take() == ["cancel c2"]
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 ioc sell 1@99.9"]


def test_flatten_places_the_exits_again_when_the_price_goes_stale():
    grid = flattening()
    grid.tell(Flatten(grid="g"))
    assert grid.take() == ["cancel c2"]
    grid.stale()
    assert grid.take() == []
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 sell 1@100.9"]
    grid.ack("c3")
    assert grid.exits.naked_since_ns is None
    grid.price("100.0", "100.1")
    assert grid.take() == ["cancel c3"]
    grid.done("c3", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c4 ioc sell 1@99.9"]
    grid.fill("c4", "t4", "1.000", "99.9")
    assert len(grid.of(Flattened)) == 1


def test_flatten_before_the_first_price_places_the_exit_that_is_missing():
    grid = flattening()
    grid.exits = replace(grid.exits, orders=(), quote=None)
    grid.is_watching = False
    grid.tell(Flatten(grid="g"))
    assert grid.take() == ["c3 sell 1@100.9"]
    assert grid.exits.flatten is not None


def test_flatten_of_dust_ends_and_names_it():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.050")
    grid.done("c1", CancelReason.REQUESTED, "0.050")
    grid.tell(Flatten(grid="g"))
    assert len(grid.of(Flattened)) == 1
    assert grid.exits.dust_quantity == D("0.05")
    assert grid.held == D("0.05")


def test_flatten_is_split_at_the_largest_market_order():
    grid = flattening(rules={"market_max_quantity": D("0.6")})
    flatten(grid)
    assert grid.take() == ["c3 ioc sell 0.6@99.9"]
    grid.fill("c3", "t3", "0.600", "100.0")
    assert grid.take() == ["c4 ioc sell 0.4@99.9"]


def test_flatten_without_reserved_ids_uses_the_lots_own():
    grid = flattening()
    grid.exits = replace(grid.exits, ids=IdBlock(asked_ns=grid.now_ns))
    flatten(grid)
    assert grid.take() == ["c3 ioc sell 1@99.9"]
    assert grid.orders["c3"].command.lot == 1


def test_flatten_without_any_id_says_so():
    grid = flattening()
    spent = replace(grid.exits.lots[0], next_leg=14)
    grid.exits = replace(grid.exits, ids=IdBlock(asked_ns=grid.now_ns), lots=(spent,))
    flatten(grid)
    assert grid.take() == []
    assert grid.exits.lots[0].blocked == "no reserved ids"


@pytest.mark.parametrize("holds", [True, False])
def test_fill_on_its_way_when_the_flatten_ended_is_flattened_as_well(holds):
    grid = flattening()
    flatten(grid)
    grid.fill("c3", "t3", "1.000", "100.0")
    assert grid.state.flattening is None
    told = len(grid.of(FlattenPositions))
    grid.state = replace(grid.state, sent=grid.state.sent + 1, flattening=Flattening(reason="operator", deadline_ns=0))
    grid.give("strategy", Flattened(grid="g"))
    assert grid.state.flattening.awaits_lots
    view = replace(grid.of(LotsChanged)[-1], position=D(int(holds)), entries_received=grid.state.sent)
    grid.give("strategy", view)
    assert len(grid.of(FlattenPositions)) == told + 1 + int(holds)
    assert grid.state.flattening is None, "entries go on once nothing is held"


def test_counts_start_anew_when_an_actor_was_restarted():
    grid = flattening()
    view = replace(grid.of(LotsChanged)[-1], entries_received=D(0))
    grid.give("strategy", view)
    assert grid.state.sent == 0
    grid.give("strategy", replace(view, entries_received=D(5)))
    assert grid.state.sent == 5


def test_flatten_closes_no_more_than_a_proven_position():
    grid = flattening()
    grid.is_watching = False
    for _ in range(3):
        grid.position("0.400")
        grid.settled("c2", OrderStatus.OPEN, "0")
        grid.pass_ms(5_000)
    grid.take()
    grid.tell(Flatten(grid="g"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert [line for line in grid.take() if "ioc" in line] == ["c3 ioc sell 0.4@99.9"]


def test_flatten_of_what_somebody_else_has_closed_ends_once_readings_prove_it():
    """Found by simulation: the reduce-only order was refused and sent again four times a second, for ever."""
    grid = flattening()
    grid.is_watching = False
    flatten(grid)
    sent = []
    for _ in range(40):
        if grid.exits.flatten is None:
            break
        for name in [line.split()[0] for line in grid.take() if " ioc " in line]:
            sent.append(name)
            grid.reject(name, RejectReason.REDUCE_ONLY)
        grid.pass_ms(1_000)
        if grid.now_ns // 1_000_000_000 % 5 == 0:
            grid.position("0")
    assert grid.exits.flatten is None
    assert 2 <= len(sent) <= 8
    assert grid.count(LogEvent.POSITION_MISMATCH) == 1
    assert len(grid.of(Flattened)) == 1
    assert grid.state.lots.mismatch
    assert grid.exits.lots[0].blocked == "position mismatch"
    assert grid.take() == []


def test_flatten_goes_on_at_once_after_an_order_that_found_nobody():
    grid = flattening()
    flatten(grid)
    grid.take()
    for name in ("c3", "c4", "c5"):
        grid.done(name, CancelReason.IMMEDIATE, "0")
        grid.pass_ms(250)
    assert grid.take() == ["c4 ioc sell 1@99.9", "c5 ioc sell 1@99.9", "c6 ioc sell 1@99.9"]


def test_flatten_keeps_its_pace_while_it_makes_progress():
    grid = flattening(rules={"market_max_quantity": D("0.1")})
    flatten(grid)
    for number in range(3, 11):
        assert grid.take() == [f"c{number} ioc sell 0.1@99.9"]
        grid.fill(f"c{number}", f"t{number}", "0.100", "99.9")
        if number == 6:
            refused = grid.take()[0].split()[0]
            grid.reject(refused, RejectReason.REDUCE_ONLY)
            break
    grid.pass_ms(250)
    assert grid.take() == ["c8 ioc sell 0.1@99.9"]
    assert grid.exits.flatten.failures <= 1
    grid.fill("c8", "t8", "0.100", "99.9")
    assert grid.exits.flatten.failures == 0


def test_flatten_of_dust_under_a_surplus_says_dust():
    grid = flattening()
    grid.is_watching = False
    for _ in range(3):
        grid.pass_ms(5_000)
        grid.position("1.700")
        grid.settled("c2", OrderStatus.OPEN, "0")
    assert grid.state.lots.mismatch
    grid.take()
    flatten(grid)
    grid.fill("c3", "t3", "0.995", "99.9")
    grid.done("c3", CancelReason.IMMEDIATE, "0.995")
    grid.pass_ms(250)
    assert "too small to close" in [note.text for note in grid.notes if note.event is LogEvent.FLATTEN_FINISHED][-1]


def test_a_flatten_takes_back_that_exits_are_withheld_and_is_told():
    grid = flattening()
    grid.give("closer", CancelExits())
    grid.take()
    grid.tell(Flatten(grid="g"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 ioc sell 1@99.9"]
    assert not grid.exits.is_withheld
    assert grid.exits.flatten == FlattenProgress(reason="operator")
    assert [note for note in grid.notes if note.event is LogEvent.FLATTEN_STARTED] == [
        Note(event=LogEvent.FLATTEN_STARTED, level=NoteLevel.WARNING, grid="g", text="operator")
    ]


def test_a_flatten_cancels_each_resting_exit_once_and_says_what_it_waits_for():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    grid.fill("c1", "t2", "0.500")
    grid.ack("c2")
    grid.ack("c3")
    grid.take()
    grid.tell(Flatten(grid="g"))
    grid.tick()
    assert grid.take() == ["cancel c2", "cancel c3"]
    assert [order.cancel.why for order in grid.exits.orders] == ["flatten", "flatten"]
    assert grid.exits.lots[0].blocked == "flatten: an exit is being settled"
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == []
    grid.done("c3", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c4 ioc sell 1@99.9"]
    assert grid.exits.lots[0].blocked == ""
    grid.pass_ms(1_000)
    assert grid.take() == [], "what takes at once is awaited, not canceled"


def with_two_lots(**settings):
    """A grid with lots of 1 and 0.5 whose exits are being canceled for a flatten."""
    grid = Harness(grid_step_pct=D(0), max_orders=2, **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(20_000)
    grid.ack("c3")
    grid.fill("c3", "t3", "0.500")
    grid.done("c3", CancelReason.REQUESTED, "0.500")
    grid.ack("c4")
    grid.take()
    grid.tell(Flatten(grid="g"))
    assert grid.take() == ["cancel c2", "cancel c4"]
    return grid


def test_a_flatten_closes_all_lots_by_one_order_no_worse_than_the_slippage_allows():
    grid = with_two_lots(fallback_max_slippage_bps=D(100))
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.done("c4", CancelReason.REQUESTED, "0")
    command = grid.commands[0]
    assert isinstance(command, PlaceMarketOrder)
    assert grid.take() == ["c5 ioc sell 1.5@99"]
    assert [(part.lot, part.quantity) for part in grid.exits.orders[0].parts] == [(1, D(1)), (2, D("0.5"))]
    grid.fill("c5", "t5", "1.500", "99.5")
    assert grid.held == 0
    assert [note.text for note in grid.notes if note.event is LogEvent.FLATTEN_FINISHED] == ["nothing is held"]
    assert grid.of(Flattened) == [Flattened(grid="g")]


@pytest.mark.parametrize(
    ("rules", "largest"),
    [({"max_quantity": D("0.7")}, "0.7"), ({"market_max_quantity": D("0.7"), "step": D("0.2")}, "0.6")],
)
def test_a_lot_that_the_largest_order_leaves_out_has_a_reason_to_wait(rules, largest):
    grid = with_two_lots()
    grid.context = replace(grid.context, rules=replace(grid.context.rules, **rules))
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.done("c4", CancelReason.REQUESTED, "0")
    assert grid.take() == [f"c5 ioc sell {largest}@99.9"]
    assert [lot.blocked for lot in grid.exits.lots] == ["flatten: an exit is being settled"] * 2


def test_dust_that_a_flatten_closes_is_no_dust_any_more():
    grid = with_two_lots()
    grid.exits = replace(grid.exits, lots=tuple(replace(lot, dust=D("0.005")) for lot in grid.exits.lots))
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.done("c4", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c5 ioc sell 1.5@99.9"]
    assert grid.exits.dust_quantity == 0


def test_a_lot_that_holds_nothing_when_a_flatten_ends_is_not_named_dust():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.500")
    grid.give("closer", FlattenPositions(grid="g", reason="operator"))
    assert grid.exits.flatten is None
    assert [lot.blocked for lot in grid.exits.lots] == [""]


LOT = TrackedPosition(lot=1, sequence=1, next_leg=2, opened_ns=0, is_entry_done=True)
NOW_NS = 1_000 * SECOND_NS
FRESH = Quote(D("100.0"), D("100.1"), NOW_NS)
NO_PRICE = None


def next_step(quantity, most=None, quote=FRESH, **changes):
    """Let a flatten go on for one lot of so much, of which a proven position has at most `most`."""
    book = ExitBook(
        lots=(replace(LOT, entry_filled=D(quantity), entry_notional=D(quantity) * 100),),
        quote=quote,
        is_connected=True,
        ids=IdBlock(ranges=((65, 128),)),
        flatten=FlattenProgress(reason="operator", **changes),
        mismatch=None if most is None else Mismatch(least=D(most), most=D(most)),
    )
    return exits.step(make_context(), book, Tick(now_ns=NOW_NS, wall_ns=NOW_NS), NOW_NS)


SMALL = "too small to close"
GONE = "of the lots is not there to close: the position has been proven to be less"


@pytest.mark.parametrize(
    ("quantity", "most", "quote", "text", "left"),
    [
        ("0.050", None, FRESH, SMALL, ("0.050", "dust")),
        ("0.050", "0.050", FRESH, SMALL, ("0.050", "dust")),
        ("0.0005", None, NO_PRICE, SMALL, ("0.0005", "dust")),
        ("0.050", "0.049", FRESH, GONE, ("0.049", "dust")),
        ("1.000", "0", NO_PRICE, GONE, ("0", "position mismatch")),
        ("1.000", "-2", FRESH, GONE, ("0", "position mismatch")),
    ],
)
def test_a_flatten_ends_when_nothing_can_be_closed_and_says_what_is_left(quantity, most, quote, text, left):
    step = next_step(quantity, most, quote)
    assert step.state.flatten is None
    assert Flattened(grid="g") in step.outputs
    (note,) = [note for note in step.notes if note.event is LogEvent.FLATTEN_FINISHED]
    assert note.text.startswith(quantity)
    assert text in note.text
    (lot,) = step.state.lots
    assert (lot.dust, lot.blocked) == (D(left[0]), left[1])


@pytest.mark.parametrize(
    ("quantity", "most", "closed"), [("1.0005", None, "1"), ("1.000", "0.4005", "0.4"), ("1.000", "3", "1")]
)
def test_a_flatten_closes_what_is_held_and_proven_on_the_step(quantity, most, closed):
    (order,) = (output for output in next_step(quantity, most).outputs if isinstance(output, PlaceMarketOrder))
    assert order.quantity == D(closed)


def test_a_flatten_that_could_close_something_waits_for_a_price():
    step = next_step("1.000", quote=NO_PRICE)
    assert step.state.flatten is not None
    assert step.state.wants_price


@pytest.mark.parametrize(("wait_ns", "blocked"), [(1, "flatten: waiting to try again"), (0, "")])
def test_a_flatten_tries_again_to_the_nanosecond(wait_ns, blocked):
    step = next_step("1.000", retry_ns=NOW_NS + wait_ns)
    assert step.state.lots[0].blocked == blocked
    assert len(step.state.orders) == int(not wait_ns)


def test_a_flatten_without_ids_waits_for_ids_not_for_a_time_that_is_past():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.tell(Flatten(grid="g"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.reject("c3", RejectReason.RATE)
    grid.is_watching = grid.answers_reservations = False
    lots = tuple(replace(lot, next_leg=LAST_EXIT_LEG + 1) for lot in grid.exits.lots)
    grid.exits = replace(grid.exits, lots=lots, ids=IdBlock(asked_ns=grid.now_ns))
    grid.pass_ms(1_500)
    assert grid.exits.lots[0].blocked == "no reserved ids"
    assert exits.deadline_ns(grid.context, grid.exits) is None
