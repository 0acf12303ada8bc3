import io
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from actors.app.grid_view import GridPicture, grid_panel, money, price, seconds, unrealized
from actors.app.live_view import LiveView, LogTail, render
from actors.app.outcome import frame_facts, grid_facts, watch_facts, who_has_not_begun
from actors.grid.settings import CloseSettings, EntrySettings, GridRiskSettings, GridSettings, ProofSettings
from actors.grid.state import (
    CloseOrder,
    ExitBook,
    ExitCounters,
    ExitKind,
    GridContext,
    GridState,
    Latch,
    Mode,
    NakedPiece,
    Part,
    PendingEntry,
    Quote,
    TrackedPosition,
)
from actors.messages import LatchKind
from actors.price_stream import FeedStatus
from actors.status import BotState, BotStatus, ConnectionPhase, ConnectionStatus, GridStatus
from actors.watches import WatchAlarm
from exchanges.values import ClientOrderId, FeeRates, MarketRules
from exchanges.venue import Capabilities

SECOND = 1_000_000_000
NOW = 100 * SECOND


def context():
    settings = GridSettings(
        name="btc",
        exchange="aster",
        symbol="[red]BTC",
        entry=EntrySettings(order_notional_usd=Decimal(100)),
        close=CloseSettings(),
        risk=GridRiskSettings(),
        proof=ProofSettings(),
    )
    rules = MarketRules(
        symbol="[red]BTC",
        tick=Decimal("0.1"),
        step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(100),
        market_max_quantity=Decimal(100),
        min_notional=Decimal(5),
        reduce_only_exempt=True,
        min_price=Decimal(1),
        max_price=Decimal(1000000),
    )
    capabilities = Capabilities(
        cancel_report_is_final=True,
        reply_is_acceptance=True,
        fills_have_trade_ids=True,
        reduce_only_exempt_from_minimum=True,
        fence_s=60,
    )
    fees = FeeRates(Decimal(0), Decimal("0.0004"))
    return GridContext(
        name="btc",
        exchange="aster",
        symbol="[red]BTC",
        settings=settings,
        rules=rules,
        fees=fees,
        bot_tag=1,
        applied_leverage=5,
        capabilities=capabilities,
    )


def lot(number=7, **more):
    values = {"lot": number, "sequence": number, "next_leg": 2, "opened_ns": NOW - 75 * SECOND}
    values |= {"entry_filled": Decimal("1.0"), "entry_notional": Decimal("99.9")}
    return TrackedPosition(**(values | more))


def exit_order(**more):
    values = {"client_order_id": ClientOrderId(1), "lot": 7, "kind": ExitKind.RESTING, "price": Decimal("100.9")}
    values |= {"quantity": Decimal("1.0"), "parts": (Part(7, Decimal("1.0")),), "placed_ns": NOW, "accepted_ns": NOW}
    return CloseOrder(**(values | more))


def shown(renderable):
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def panel(state=None, book=None):
    state = state or GridState(quote=Quote(Decimal("99.9"), Decimal("100.0"), NOW))
    return shown(grid_panel(GridPicture(context=context(), state=state, book=book or ExitBook(), now_ns=NOW)))


def test_the_ladder_shows_each_lot_with_its_exit():
    text = panel(book=ExitBook(lots=(lot(),), orders=(exit_order(),)))
    (row,) = [line for line in text.splitlines() if "100.9" in line]
    assert row.split()[1:8] == ["7", "1", "99.9", "100.9", "1", "resting", "1m15s"]


def test_an_exit_in_pieces_takes_no_more_room_than_one():
    pieces = tuple(
        exit_order(client_order_id=ClientOrderId(number), price=Decimal(price), quantity=Decimal(quantity))
        for number, price, quantity in ((1, "100.9", "0.2"), (2, "100.9", "0.3"), (3, "101.0", "0.5"))
    )
    text = panel(book=ExitBook(lots=(lot(),), orders=pieces))
    assert "100.9, 101.0" in text
    assert "1 in 3" in " ".join(text.split())


@pytest.mark.parametrize(
    ("orders", "more", "expected"),
    [
        ((), {}, "no exit"),
        ((), {"dust": Decimal("1.0")}, "dust"),
        ((), {"blocked": "waits for a price"}, "waits for a price"),
        ((exit_order(accepted_ns=None),), {}, "on its way"),
    ],
)
def test_a_lot_without_a_resting_exit_says_why(orders, more, expected):
    assert expected in panel(book=ExitBook(lots=(lot(**more),), orders=orders))


def test_naked_quantity_is_shouted_with_its_age():
    naked = lot(naked=(NakedPiece(Decimal("0.4"), NOW - 2 * SECOND),))
    assert "NAKED 0.4 for 2.0s" in panel(book=ExitBook(lots=(naked,)))


def test_a_covered_book_says_so():
    assert "every unit has its exit" in panel()


def test_prices_have_the_decimals_of_the_market():
    assert price(Decimal(61165), Decimal("0.10")) == "61165.0"
    assert price(Decimal("100.50"), Decimal("0.5")) == "100.5"
    assert price(Decimal(1000), Decimal(5)) == "1000"


def test_open_lots_are_valued_in_the_direction_of_the_grid():
    book = ExitBook(lots=(lot(),))
    assert unrealized(book, Decimal("100.9"), 1) == Decimal("1.0")
    assert unrealized(book, Decimal("100.9"), -1) == Decimal("-1.0")


def test_symbols_are_text_not_markup():
    assert "[red]BTC@aster" in panel()


def test_a_latched_stop_and_a_pending_entry_are_named():
    pending = PendingEntry(
        client_order_id=ClientOrderId(16), lot=1, price=Decimal("99.9"), quantity=Decimal(1), placed_ns=NOW - 3 * SECOND
    )
    latch = Latch(kind=LatchKind.STOP_PRICE, text="mid 94.9", flatten=True)
    text = panel(GridState(pending=pending, mode=Mode.HALTED, latch=latch))
    assert "HALTED  WAITING_FOR_FILL  entry 1 @ 99.9, 3.0s old" in text
    assert "STOP stop_price: mid 94.9" in text
    assert "no price yet" in text


def test_why_there_is_no_entry_is_said():
    assert "no entry: cooldown" in panel(GridState(blocked_reason="cooldown"))


def test_status_tells_what_a_grid_does_and_why():
    book = ExitBook(lots=(lot(),), orders=(exit_order(),))
    state = GridState(blocked_reason="cooldown", quote=Quote(Decimal("99.9"), Decimal("100.0"), NOW))
    grids = (
        GridStatus(name="btc", exchange="aster", symbol="BTC", context=context(), state=state, book=book),
        GridStatus(name="eth", exchange="aster", symbol="ETH"),
    )
    facts = grid_facts(status(grids=grids))
    assert facts["btc"]["blocked_reason"] == "cooldown"
    assert facts["btc"]["lots"] == [{"lot": 7, "quantity": "1", "entry_price": "99.9"}]
    assert facts["btc"]["exits"] == [{"quantity": "1", "price": "100.9", "is_working": True}]
    assert facts["eth"]["state"] == "waiting for the venue"


@pytest.mark.parametrize(
    ("duration_ns", "expected"),
    [(400_000_000, "0.4s"), (12 * SECOND, "12s"), (185 * SECOND, "3m05s"), (7800 * SECOND, "2h10m")],
)
def test_durations_for_people(duration_ns, expected):
    assert seconds(duration_ns) == expected


def test_money_has_a_sign_and_four_decimals():
    assert money(Decimal("1.23456")) == "+1.2346"
    assert money(Decimal("-0.5")) == "-0.5000"


def status(**more):
    grid = GridStatus(
        name="btc",
        exchange="aster",
        symbol="[red]BTC",
        context=context(),
        state=GridState(),
        book=ExitBook(counters=ExitCounters(realized_pnl=Decimal("3.5"))),
        realized_before=Decimal("1.5"),
    )
    values = {
        "name": "desk",
        "mode": "paper",
        "state": BotState.RUNNING,
        "now_ns": NOW,
        "started_ns": NOW - 61 * SECOND,
        "started_wall_ns": 0,
        "grids": (grid,),
        "connections": (
            ConnectionStatus(exchange="aster", phase=ConnectionPhase.LIVE, order_answer_ns=250_000_000, reconnects=1),
        ),
        "feeds": (FeedStatus(exchange="aster", is_open=True, reconnects=2),),
        "fill_to_exit_ns": {"aster": (300_000, 500_000)},
        "naked_ns": {"btc": (400_000_000,)},
    }
    return BotStatus(**(values | more))


def test_the_picture_holds_state_profit_of_this_run_and_health():
    text = shown(render(status(), ["the newest line"]))
    for part in (
        "desk",
        "paper",
        "running",
        "up 1m01s",
        "this run +2.0000",
        "live",
        "250 ms",
        "300 us",
        "500 us",
        "0.4s",
    ):
        assert part in text
    assert "the newest line" in text
    (row,) = [line for line in text.splitlines() if "250 ms" in line]
    assert row.split()[-1] == "3"


def test_what_is_not_there_yet_is_said():
    grids = (GridStatus(name="btc", exchange="aster", symbol="BTC"),)
    connections = (ConnectionStatus(exchange="aster", phase=ConnectionPhase.LOST, why="cut"),)
    text = shown(render(status(grids=grids, connections=connections, feeds=(), halted_why="operator", restarts=1), []))
    for part in ("btc: waiting for aster to be read", "lost: cut", "entries held back: operator", "restarted 1x"):
        assert part in text


def three_grids(lots):
    book = ExitBook(lots=tuple(lot(7 + number) for number in range(lots)), orders=(exit_order(),))
    state = GridState(quote=Quote(Decimal("99.9"), Decimal("100.0"), NOW))
    names = ("aster", "backpack", "lighter")
    grids = tuple(
        GridStatus(
            name=f"btc-{name}",
            exchange=name,
            symbol="BTC",
            context=replace(context(), name=f"btc-{name}", exchange=name),
            state=state,
            book=book,
        )
        for name in names
    )
    connections = tuple(
        ConnectionStatus(exchange=name, phase=ConnectionPhase.LIVE, order_answer_ns=250_000_000) for name in names
    )
    return status(
        grids=grids, connections=connections, feeds=tuple(FeedStatus(exchange=n, is_open=True) for n in names)
    )


def drawn(picture, columns, rows):
    console = Console(file=io.StringIO(), width=columns, height=rows, color_system=None)
    console.print(render(picture, [f"line {number} of the log" for number in range(8)], (columns, rows)))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("columns", "rows", "ladders", "log_lines"), [(140, 50, 3, 8), (100, 30, 0, 8), (80, 24, 0, 3), (80, 20, 0, 5)]
)
def test_every_grid_and_the_newest_log_lines_stay_in_sight_on_a_small_terminal(columns, rows, ladders, log_lines):
    lines = drawn(three_grids(lots=4), columns, rows)
    text = "\n".join(lines)
    assert len(lines) < rows
    assert max(map(len, lines)) <= columns
    for part in ("btc-aster", "btc-backpack", "btc-lighter", "audited", "99.9", "4 open, 0 closed"):
        assert part in text
    assert text.count("every unit has its exit") == 3
    assert text.count("exit quantity") == ladders
    assert [line for line in lines if "of the log" in line] == [
        f"line {number} of the log" for number in range(8 - log_lines, 8)
    ]


def test_a_terminal_of_ten_rows_still_begins_with_the_state():
    lines = drawn(three_grids(lots=4), 80, 10)
    assert "running" in lines[0]
    assert not any("of the log" in line for line in lines)


def test_who_could_not_begin_is_named_with_the_reason():
    read = GridStatus(name="a", exchange="aster", symbol="BTC", context=context(), state=GridState(), book=ExitBook())
    unread = GridStatus(name="l", exchange="lighter", symbol="BTC")
    connections = (
        ConnectionStatus(exchange="aster", phase=ConnectionPhase.LOST, why="cut"),
        ConnectionStatus(exchange="lighter", phase=ConnectionPhase.STARTING, why="refused"),
    )
    some = status(grids=(read, unread), connections=connections)
    assert who_has_not_begun(some) == "lighter could begin (aster did): lighter: refused"
    none = status(grids=(unread,), connections=())
    assert who_has_not_begun(none) == "the bot could begin: no answer yet"


def test_the_view_draws_and_gives_the_terminal_back():
    console = Console(file=io.StringIO(), width=160, force_terminal=True)
    tail = LogTail(str)
    tail("a line\n")
    view = LiveView(status, tail, console)
    view.start()
    view.close()
    drawn = console.file.getvalue()
    assert "every unit has its exit" in drawn
    assert "a line" in drawn


def test_frames_that_told_nothing_are_counted_by_venue():
    connections = (
        ConnectionStatus(exchange="aster", malformed=2, ignored=3),
        ConnectionStatus(exchange="backpack", ignored=1),
    )
    found = frame_facts(status(connections=connections, feeds=(FeedStatus(exchange="aster", malformed=4, ignored=5),)))
    assert found == {"aster": {"malformed": 6, "ignored": 8}, "backpack": {"malformed": 0, "ignored": 1}}


def test_what_the_watchdog_has_found_is_shown_and_told():
    alarm = WatchAlarm(watch="stuck_lane", subject="desk/aster/query-lane", text="is busy", since_ns=NOW - 7 * SECOND)
    alarmed = status(alarms=(alarm,), watchdog_silent_ns=6 * SECOND, mailboxes={"desk/strategy": 3})
    text = shown(render(alarmed, []))
    assert "WATCHDOG desk/aster/query-lane is busy, for 7.0s" in text
    assert "WATCHDOG silent for 6.0s" in text
    assert "WATCHDOG" not in shown(render(status(), []))
    assert watch_facts(alarmed) == {
        "silent_s": 6.0,
        "alarms": [{"watch": "stuck_lane", "what": "desk/aster/query-lane is busy", "for_s": 7.0}],
        "mailboxes": {"desk/strategy": 3},
        "clock_offsets_s": {"aster": 0.0},
    }
