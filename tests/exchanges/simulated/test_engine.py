"""Questions, changes of orders, leverage, restarts, and what always holds (exchanges.simulated.engine)."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import (
    Amended,
    AmendOrder,
    CancelAll,
    Canceled,
    CancelOrder,
    CommandDone,
    EngineSettings,
    IncomeKind,
    LeverageChanged,
    LeverageSet,
    MarketSpec,
    OrderAmended,
    OrderCanceled,
    RefusalReason,
    Refused,
    SetCancelTimer,
    SetLeverage,
    TimeInForce,
    TradeTick,
)
from exchanges.values import ZERO, FeeRates, OrderStatus, Side
from tests.exchanges.simulated.market import ACCOUNT, RULES, SYMBOL, D, Market, fills

IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
OTHER = "ETH-PERP"
DAY = 24 * 3600 * 1_000_000_000


def amend(market, placed, price, quantity):
    command = AmendOrder(symbol=SYMBOL, order_id=placed.accepted.order_id, price=D(price), quantity=D(quantity))
    return market.engine.execute(ACCOUNT, command, market.tick())


# --- cancel ---


def test_cancel_by_either_id_tells_what_was_filled_and_happens_once():
    market = Market()
    market.quote("100.0", "100.5")
    order = market.buy("1", "100.1", client_id="me")
    market.trade("100.1", "0.4", seller_hits=True)
    answer = market.engine.execute(ACCOUNT, CancelOrder(symbol=SYMBOL, client_id="me"), market.tick())
    assert isinstance(answer, Canceled)
    assert (answer.orders[0].status, answer.orders[0].filled) == (OrderStatus.CANCELED, D("0.4"))
    again = market.cancel(order)
    assert isinstance(again, Refused)
    assert again.reason is RefusalReason.UNKNOWN_ORDER
    market.trade("99", "5", seller_hits=True)
    assert market.filled(order) == D("0.4")


def test_cancel_of_somebody_elses_order_is_refused():
    market = Market()
    market.engine.open_account("beta", D(100), market.tick())
    market.quote("100.0", "100.1")
    order = market.buy("1", "99")
    assert isinstance(market.cancel(order, account="beta"), Refused)


def test_cancel_all_is_for_one_market_or_for_all_and_only_ours():
    market = Market()
    market.engine.open_account("beta", D(1000), market.tick())
    market.quote("100.0", "100.1")
    ours = [market.buy("1", "99"), market.sell("1", "101")]
    theirs = market.buy("1", "99", account="beta")
    market.events()
    answer = market.engine.execute(ACCOUNT, CancelAll(symbol=SYMBOL), market.tick())
    assert isinstance(answer, Canceled)
    assert [one.order_id for one in answer.orders] == [one.accepted.order_id for one in ours]
    assert [type(event) for event in market.events()] == [OrderCanceled, OrderCanceled]
    assert market.now(theirs, "beta").is_open
    assert market.engine.execute(ACCOUNT, CancelAll(), market.tick()) == Canceled(orders=())
    assert isinstance(market.engine.execute(ACCOUNT, CancelAll(symbol="NOPE"), market.tick()), Refused)


# --- amend ---


def test_amend_moves_the_order_and_costs_its_place():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="1")
    first = market.buy("1", "100.0")
    second = market.buy("1", "100.0")
    answer = amend(market, first, "100.0", "1.5")
    assert isinstance(answer, Amended)
    assert answer.order.quantity == D("1.5")
    assert any(isinstance(event, OrderAmended) for event in market.events())
    market.trade("100.0", "2", seller_hits=True)
    assert (market.filled(first), market.filled(second)) == (D(0), D(1))


def test_amend_that_only_shrinks_keeps_its_place():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="1")
    first = market.buy("1", "100.0")
    second = market.buy("1", "100.0")
    amend(market, first, "100.0", "0.5")
    market.trade("100.0", "1.7", seller_hits=True)
    assert (market.filled(first), market.filled(second)) == (D("0.5"), D("0.2"))


def test_amend_of_a_post_only_order_that_would_take_leaves_it_resting():
    market = Market()
    market.quote("100.0", "100.1")
    order = market.buy("1", "99")
    answer = amend(market, order, "100.1", "1")
    assert isinstance(answer, Refused)
    assert answer.reason is RefusalReason.AMEND_WOULD_TAKE
    assert market.now(order).price == D(99)


def test_amend_of_a_gtc_order_may_take():
    market = Market()
    market.quote("100.0", "100.1", ask_qty="0.4")
    order = market.buy("1", "99", time_in_force=GTC)
    amend(market, order, "100.1", "1")
    assert market.filled(order) == D("0.4")
    assert market.now(order).is_open


def test_amend_to_what_is_filled_cancels():
    market = Market()
    market.quote("100.0", "100.5")
    order = market.buy("1", "100.1")
    market.trade("100.1", "0.4", seller_hits=True)
    answer = amend(market, order, "100.1", "0.4")
    assert isinstance(answer, Amended)
    assert answer.order.status is OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("price", "quantity", "reason"),
    [
        ("99.05", "1", RefusalReason.PRICE_TICK),
        ("99", "0.0001", RefusalReason.QUANTITY_TOO_SMALL),
        ("99", "0.1", RefusalReason.MIN_NOTIONAL),
        ("99", "30", RefusalReason.MARGIN),
    ],
)
def test_amend_is_checked_like_a_new_order(price, quantity, reason):
    market = Market(deposit="100")
    market.quote("100.0", "100.1")
    order = market.buy("1", "99")
    answer = amend(market, order, price, quantity)
    assert isinstance(answer, Refused)
    assert answer.reason is reason
    assert market.now(order).quantity == D(1)


def test_amend_of_a_gone_order_is_refused():
    market = Market()
    market.quote("100.0", "100.1")
    order = market.buy("1", "99")
    market.cancel(order)
    answer = amend(market, order, "98", "1")
    assert isinstance(answer, Refused)
    assert answer.reason is RefusalReason.UNKNOWN_ORDER


# --- leverage ---


def set_leverage(market, leverage, symbol=SYMBOL):
    return market.engine.execute(ACCOUNT, SetLeverage(symbol=symbol, leverage=leverage), market.tick())


def test_leverage_is_set_within_the_markets_range():
    market = Market()
    market.quote("100.0", "100.1")
    market.events()
    assert set_leverage(market, 7) == LeverageSet(symbol=SYMBOL, leverage=7)
    assert [(one.symbol, one.leverage) for one in market.events() if isinstance(one, LeverageChanged)] == [(SYMBOL, 7)]
    assert market.engine.position(ACCOUNT, SYMBOL).leverage == 7
    assert all(set_leverage(market, one).reason is RefusalReason.LEVERAGE for one in (0, 101))
    assert set_leverage(market, 7, "NOPE").reason is RefusalReason.UNKNOWN_SYMBOL


def test_leverage_cannot_be_lowered_below_what_the_margin_carries():
    market = Market(deposit="100")
    market.quote("100.0", "100.1")
    market.buy("5", "100.1", time_in_force=IOC)
    answer = set_leverage(market, 2)
    assert isinstance(answer, Refused)
    assert answer.reason is RefusalReason.LEVERAGE_MARGIN
    assert market.engine.position(ACCOUNT, SYMBOL).leverage == 20
    assert set_leverage(market, 10) == LeverageSet(symbol=SYMBOL, leverage=10)


# --- questions ---


def test_trades_are_paged_by_id_time_and_order():
    market = Market()
    market.quote("100.0", "100.1", ask_qty="100")
    orders = [market.buy("1", "100.1", time_in_force=IOC) for _ in range(5)]
    trades = market.engine.trades(ACCOUNT, SYMBOL)
    ids = [one.trade_id for one in trades]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5
    newest = market.engine.trades(ACCOUNT, SYMBOL, limit=2)
    assert [one.trade_id for one in newest] == ids[-2:]
    after = market.engine.trades(ACCOUNT, SYMBOL, from_id=ids[1], limit=2)
    assert [one.trade_id for one in after] == ids[1:3]
    between = market.engine.trades(ACCOUNT, SYMBOL, start_ns=trades[1].occurred_ns, end_ns=trades[3].occurred_ns)
    assert [one.trade_id for one in between] == ids[1:4]
    of_one = market.engine.trades(ACCOUNT, SYMBOL, order_id=orders[2].accepted.order_id)
    assert [one.trade_id for one in of_one] == [ids[2]]
    assert market.engine.trades(ACCOUNT, SYMBOL, limit=0) == ()
    assert market.engine.trades("nobody", SYMBOL) == ()


def test_orders_are_paged_by_id_and_time():
    market = Market()
    market.quote("100.0", "100.1")
    placed = [market.buy("1", "99") for _ in range(4)]
    ids = [one.accepted.order_id for one in placed]
    assert [one.order_id for one in market.engine.orders(ACCOUNT, SYMBOL)] == ids
    assert [one.order_id for one in market.engine.orders(ACCOUNT, SYMBOL, limit=2)] == ids[-2:]
    assert [one.order_id for one in market.engine.orders(ACCOUNT, SYMBOL, from_id=ids[1], limit=2)] == ids[1:3]
    late = market.engine.orders(ACCOUNT, SYMBOL, start_ns=placed[2].accepted.created_ns)
    assert [one.order_id for one in late] == ids[2:]


def test_unknown_names_have_no_answer():
    market = Market()
    assert market.engine.order(ACCOUNT, SYMBOL) is None
    assert market.engine.order(ACCOUNT, SYMBOL, order_id=99) is None
    assert market.engine.order(ACCOUNT, SYMBOL, client_id="x") is None
    assert market.engine.open_orders(ACCOUNT, "NOPE") == ()
    assert market.engine.market("NOPE") is None
    assert market.engine.quote(SYMBOL) is None
    assert market.engine.mark_price(SYMBOL) is None
    with pytest.raises(KeyError):
        market.engine.submit("nobody", CancelAll(), 5)
    with pytest.raises(KeyError):
        market.engine.execute("nobody", CancelAll(), 5)
    with pytest.raises(KeyError):
        market.engine.balance("nobody")


def test_an_account_is_opened_once_and_its_deposit_is_income():
    market = Market(deposit="250")
    market.engine.open_account(ACCOUNT, D(999), market.tick())
    assert market.engine.balance(ACCOUNT).wallet == D(250)
    assert [(row.kind, row.change) for row in market.engine.income(ACCOUNT)] == [(IncomeKind.DEPOSIT, D(250))]
    assert market.engine.accounts() == (ACCOUNT,)


def test_balance_adds_up():
    market = Market(fees=FeeRates(maker=D(0), taker=D("0.001")), deposit="1000", default_leverage=10)
    market.quote("100.0", "100.2", ask_qty="100")
    market.buy("2", "100.2", time_in_force=IOC)
    market.buy("1", "99")
    money = market.engine.balance(ACCOUNT)
    assert money.wallet == D(1000) - D("0.2004")
    assert money.unrealized_pnl == D("-0.2")
    assert money.equity == money.wallet + money.unrealized_pnl
    assert money.position_margin == D("20.02")
    assert money.order_margin == D("9.9")
    assert money.available == money.equity - D("29.92")
    assert [one.symbol for one in market.engine.positions(ACCOUNT)] == [SYMBOL]


def test_ended_orders_and_trades_are_forgotten_after_the_history():
    market = Market(history_ns=DAY, start_ns=10 * DAY)
    market.quote("100.0", "100.1")
    market.buy("1", "100.1", time_in_force=IOC, client_id="old")
    resting = market.buy("1", "99")
    market.tick(3 * DAY)
    market.events()
    assert market.engine.order(ACCOUNT, SYMBOL, client_id="old") is None
    assert market.engine.trades(ACCOUNT, SYMBOL) == ()
    assert market.now(resting).is_open
    assert market.position() == D(1)


def test_a_price_source_row_is_fed_as_quote_or_trade():
    market = Market(queue_ahead_pct=D(0))
    market.quote("100.0", "100.1")
    order = market.buy("1", "100.0")
    market.engine.feed(TradeTick(SYMBOL, D("100.0"), D("0.3"), buyer_is_maker=True), market.tick())
    assert market.filled(order) == D("0.3")


def test_an_earlier_time_counts_as_the_latest_seen():
    market = Market()
    market.quote("100.0", "100.1")
    market.engine.advance(5_000_000)
    placed = market.engine.execute(ACCOUNT, market.spec_of(Side.BUY, "1", "99"), 17)
    assert placed.accepted.created_ns == 5_000_000


# --- state ---


def test_a_restored_engine_is_the_same_engine():
    market = Market(fees=FeeRates(maker=D("0.0001"), taker=D("0.0004")))
    market.quote("100.0", "100.1", bid_qty="2")
    market.buy("1", "100.1", time_in_force=IOC)
    waiting = market.buy("1", "100.0")
    exit_order = market.sell("1", "101", reduce_only=True)
    market.engine.execute(ACCOUNT, SetCancelTimer(symbol=SYMBOL, delay_ns=DAY), market.now_ns)
    set_leverage(market, 7)
    text = market.engine.snapshot()
    restored = Engine([market.spec], market.settings)
    restored.restore(text)
    assert restored.snapshot() == text
    assert restored.open_orders(ACCOUNT) == market.engine.open_orders(ACCOUNT)
    assert restored.trades(ACCOUNT, SYMBOL) == market.engine.trades(ACCOUNT, SYMBOL)
    assert restored.income(ACCOUNT) == market.engine.income(ACCOUNT)
    for engine in (market.engine, restored):
        engine.on_quote(SYMBOL, D("100.0"), D(2), D("100.1"), D(5), market.now_ns + 10)
        engine.on_trade(SYMBOL, D("100.0"), D("2.5"), buyer_is_maker=True, now_ns=market.now_ns + 20)
        engine.on_quote(SYMBOL, D("101.5"), D(2), D("101.6"), D(5), market.now_ns + 30)
    assert restored.snapshot() == market.engine.snapshot()
    view = restored.order(ACCOUNT, SYMBOL, order_id=waiting.accepted.order_id)
    assert view is not None
    assert view.filled == D("0.5")
    done = restored.order(ACCOUNT, SYMBOL, order_id=exit_order.accepted.order_id)
    assert done is not None
    assert done.status is OrderStatus.FILLED
    fresh = restored.execute(ACCOUNT, market.spec_of(Side.BUY, "1", "99"), market.now_ns + 40)
    assert fresh.accepted.order_id > exit_order.accepted.order_id


def test_a_timer_that_ran_out_while_the_venue_was_down_fires_at_the_next_step():
    market = Market()
    market.quote("100.0", "100.1")
    market.buy("1", "99")
    market.engine.execute(ACCOUNT, SetCancelTimer(symbol=SYMBOL, delay_ns=1_000), market.now_ns)
    restored = Engine([market.spec], market.settings)
    restored.restore(market.engine.snapshot())
    restored.advance(market.now_ns + DAY)
    assert restored.open_orders(ACCOUNT) == ()


def test_time_that_passed_while_the_venue_was_down_costs_no_funding():
    market = Market(funding_rate=D("0.01"), start_ns=10 * DAY)
    market.quote("100.0", "100.1")
    market.buy("1", "100.1", time_in_force=IOC)
    restored = Engine([market.spec], market.settings)
    restored.restore(market.engine.snapshot())
    restored.on_quote(SYMBOL, D("100.0"), D(2), D("100.1"), D(5), 13 * DAY + 5)
    assert restored.balance(ACCOUNT).funding == 0
    restored.advance(13 * DAY + DAY // 3)
    assert restored.balance(ACCOUNT).funding == D("-1.0005")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"version":1', '"version":2'),
        lambda text: text.replace('"wallet":"', '"wallet":"x'),
        lambda text: text.replace('"side":"buy"', '"side":"up"'),
        lambda text: text.replace('"next_order_id":', '"next_order":'),
        lambda text: text.replace('"now_ns":', '"now_ns":0.5,"x":'),
        lambda text: text.replace('"filled":"0"', '"filled":"NaN"'),
        lambda _text: "[]",
        lambda _text: "",
    ],
)
def test_a_spoiled_state_is_a_clear_error(spoil):
    market = Market()
    market.quote("100.0", "100.1")
    market.buy("1", "99")
    text = market.engine.snapshot()
    with pytest.raises(ValueError, match=r"state|JSON|Expecting|finite|Side|fields|Unterminated|is not"):
        Engine([market.spec], market.settings).restore(spoil(text))


def two_markets() -> list[MarketSpec]:
    return [MarketSpec(rules=RULES), MarketSpec(rules=replace(RULES, symbol=OTHER))]


def test_a_state_that_needs_a_missing_market_is_refused_but_history_of_one_is_not():
    engine = Engine(two_markets(), EngineSettings())
    engine.open_account(ACCOUNT, D(1000), 1)
    engine.on_quote(OTHER, D(100), D(5), D(101), D(5), 2)
    market = Market()
    engine.execute(ACCOUNT, replace(market.spec_of(Side.BUY, "1", None), symbol=OTHER), 3)
    with pytest.raises(ValueError, match=f"position in {OTHER}"):
        Engine([market.spec], EngineSettings()).restore(engine.snapshot())
    engine.execute(ACCOUNT, replace(market.spec_of(Side.SELL, "1", None), symbol=OTHER), 4)
    only_history = Engine([market.spec], EngineSettings())
    only_history.restore(engine.snapshot())
    assert only_history.balance(ACCOUNT).realized_pnl == D(-1)
    engine.execute(ACCOUNT, replace(market.spec_of(Side.BUY, "1", "99"), symbol=OTHER), 5)
    with pytest.raises(ValueError, match=f"open order in {OTHER}"):
        Engine([market.spec], EngineSettings()).restore(engine.snapshot())


def test_the_snapshot_holds_no_float():
    market = Market(fees=FeeRates(maker=D("0.0001"), taker=D("0.0004")))
    market.quote("100.0", "100.1")
    market.buy("1", "100.1", time_in_force=IOC)

    def refuse(text):
        raise AssertionError(f"a float in the state: {text}")

    json.loads(market.engine.snapshot(), parse_float=refuse)


def test_the_revision_moves_with_orders_and_not_with_quotes():
    market = Market()
    before = market.engine.revision
    market.quote("100.0", "100.1")
    assert market.engine.revision == before
    market.buy("1", "99")
    assert market.engine.revision > before


# --- what always holds ---


def play(seed: int, steps: int) -> Market:
    """A seeded mix of quotes, trades and orders of two accounts."""
    dice = random.Random(seed)
    market = Market(
        fees=FeeRates(maker=D("0.0001"), taker=D("0.0004")),
        cut=lambda quantity, step: max(quantity / 2 // step * step, step),
        ack_latency_ns=dice.choice((0, 1500)),
        fill_latency_ns=dice.choice((0, 700)),
    )
    market.engine.open_account("beta", D(5000), market.now_ns)
    mid = 1000
    for _ in range(steps):
        mid = max(mid + dice.randint(-4, 4), 950)
        bid, ask = mid, mid + dice.randint(1, 3)
        draw = dice.random()
        account = dice.choice((ACCOUNT, "beta"))
        if draw < 0.35:
            market.engine.on_quote(
                SYMBOL, D(bid) / 10, D(dice.randint(0, 9)), D(ask) / 10, D(dice.randint(0, 9)), market.tick()
            )
        elif draw < 0.55:
            at = D(dice.choice((bid, ask, bid - 2, ask + 2))) / 10
            market.engine.on_trade(
                SYMBOL, at, D(dice.randint(1, 40)) / 10, buyer_is_maker=dice.random() < 0.5, now_ns=market.tick()
            )
        elif draw < 0.9:
            price = None if dice.random() < 0.1 else str(D(mid + dice.randint(-6, 6)) / 10)
            market.engine.submit(
                account,
                market.spec_of(
                    dice.choice((Side.BUY, Side.SELL)),
                    str(D(dice.randint(1, 4000)) / 1000),
                    price,
                    time_in_force=TimeInForce.IOC if price is None else dice.choice(list(TimeInForce)),
                    reduce_only=dice.random() < 0.3,
                ),
                market.tick(),
            )
        else:
            market.engine.submit(account, CancelAll(), market.tick())
        check(market)
    return market


def check(market: Market) -> None:
    engine = market.engine
    for account in engine.accounts():
        trades = engine.trades(account, SYMBOL, limit=100_000)
        money = engine.balance(account)
        position = engine.position(account, SYMBOL)
        assert position.quantity == sum((one.quantity * one.side.sign for one in trades), ZERO)
        income = sum((row.change for row in engine.income(account, limit=100_000)), ZERO)
        assert income == money.wallet
        for order in engine.open_orders(account):
            assert 0 <= order.filled < order.quantity
            if order.reduce_only:
                assert position.quantity * order.side.sign < 0


@given(seed=st.integers(0, 10_000))
def test_books_balance_whatever_happens(seed):
    market = play(seed, 60)
    engine = market.engine
    for account in engine.accounts():
        by_order: dict[int, object] = {}
        for trade in engine.trades(account, SYMBOL, limit=100_000):
            by_order[trade.order_id] = by_order.get(trade.order_id, ZERO) + trade.quantity
            assert trade.cumulative == by_order[trade.order_id]
        for order in engine.orders(account, SYMBOL, limit=100_000):
            assert order.filled == by_order.get(order.order_id, ZERO) <= order.quantity


@given(seed=st.integers(0, 10_000))
def test_the_same_input_gives_the_same_venue_byte_for_byte_and_survives_a_restart(seed):
    one, two = play(seed, 40), play(seed, 40)
    text = one.engine.snapshot()
    assert text == two.engine.snapshot()
    restored = Engine([one.spec], one.settings)
    restored.restore(text)
    assert restored.snapshot() == text


def test_every_submitted_command_is_answered_exactly_once_and_events_come_in_order():
    market = Market(ack_latency_ns=50, cancel_latency_ns=20, fill_latency_ns=30)
    market.quote("100.0", "100.1")
    numbers = [market.engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "99.9"), 10_000 + i) for i in range(5)]
    numbers.append(market.engine.submit(ACCOUNT, CancelAll(), 10_003))
    answered, last = [], 0
    while (at := market.engine.next_event_ns()) is not None:
        for event in market.engine.advance(at):
            if isinstance(event, CommandDone):
                answered.append(event.command_id)
                assert event.occurred_ns == at
        assert at >= last
        last = at
    assert sorted(answered) == sorted(numbers)


def test_fills_of_one_quote_reach_every_order_at_that_price():
    market = Market()
    market.quote("100.0", "100.1")
    orders = [market.buy("1", "99.9") for _ in range(3)]
    assert len(fills(market.quote("99.7", "99.8"))) == len(orders)


def test_commands_for_an_unknown_market_are_refused():
    market = Market()
    commands = (
        SetCancelTimer(symbol="NOPE", delay_ns=5),
        SetLeverage(symbol="NOPE", leverage=5),
        replace(market.spec_of(Side.BUY, "1", "99"), symbol="NOPE"),
    )
    for command in commands:
        answer = market.engine.execute(ACCOUNT, command, market.tick())
        assert isinstance(answer, Refused)
        assert answer.reason is RefusalReason.UNKNOWN_SYMBOL


def test_two_markets_share_the_margin_and_are_liquidated_together():
    engine = Engine(two_markets(), EngineSettings(default_leverage=10))
    engine.open_account(ACCOUNT, D(120), 1)
    words = Market()
    for symbol in (SYMBOL, OTHER):
        engine.on_quote(symbol, D("100.0"), D(50), D("100.1"), D(50), 2)
    for symbol, quantity in ((SYMBOL, "5"), (OTHER, "6")):
        engine.execute(ACCOUNT, replace(words.spec_of(Side.BUY, quantity, None), symbol=symbol), 3)
    exit_order = replace(words.spec_of(Side.SELL, "6", "110", reduce_only=True), symbol=OTHER)
    engine.execute(ACCOUNT, exit_order, 4)
    one = engine.position(ACCOUNT, SYMBOL)
    other = engine.position(ACCOUNT, OTHER)
    money = engine.balance(ACCOUNT)
    assert money.position_margin == one.initial_margin + other.initial_margin
    gap = one.liquidation_price - one.mark_price
    assert money.equity + gap * 5 == pytest.approx(
        other.maintenance_margin + 5 * one.liquidation_price * D("0.005"), abs=D("1e-9")
    )
    engine.on_quote(SYMBOL, D("77.0"), D(50), D("77.1"), D(50), 5)
    assert [one.quantity for one in engine.positions(ACCOUNT)] == [0, 0]
    assert engine.open_orders(ACCOUNT) == ()


def test_a_liquidation_that_leaves_something_keeps_it():
    market = Market(deposit="110", default_leverage=10, liquidation_fee_rate=D(0))
    market.quote("100.0", "100.1", ask_qty="100")
    market.buy("10", "100.1", time_in_force=IOC)
    market.quote("89.4", "89.5", bid_qty="100")
    assert market.position() == 0
    assert market.engine.balance(ACCOUNT).wallet == D(3)


def test_funding_is_paid_only_where_there_is_a_position():
    market = Market(funding_rate=D("0.01"), start_ns=DAY - 10_000)
    market.engine.open_account("flat", D(10), market.now_ns)
    market.engine.position("flat", SYMBOL)
    market.quote("100.0", "100.1")
    market.now_ns = DAY
    market.events()
    assert [row.kind for row in market.engine.income("flat")] == [IncomeKind.DEPOSIT]
