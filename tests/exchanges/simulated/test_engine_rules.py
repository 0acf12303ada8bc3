"""Every fill rule in the docstring of exchanges.simulated.engine, by its number."""

from decimal import Decimal

import pytest

from exchanges.simulated.engine_types import (
    BalanceChanged,
    Canceled,
    CancelOrder,
    ChangeReason,
    CommandDone,
    EndReason,
    Liquidated,
    MarketTraded,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    PositionChanged,
    QuoteChanged,
    RefusalReason,
    Refused,
    SelfTrade,
    SetCancelTimer,
    TimeInForce,
    Traded,
)
from exchanges.simulated.settings import FillModel, PostOnlyReject
from exchanges.values import FeeRates, OrderStatus, Side
from tests.exchanges.simulated.market import ACCOUNT, SYMBOL, D, Market, fills

GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
HOUR = 3600 * 1_000_000_000


# --- rule 1: the displayed market ---


@pytest.mark.parametrize(("bid", "ask"), [("100.1", "100.0"), ("100", "100"), ("0", "100"), ("-1", "100")], ids=str)
def test_rule_01_a_crossed_or_empty_quote_is_ignored(bid, ask):
    market = Market()
    market.quote("100.0", "100.1")
    resting = market.buy("1", "99.9")
    assert not [event for event in market.quote(bid, ask) if isinstance(event, QuoteChanged)]
    assert market.engine.quote(SYMBOL).bid == D("100.0")
    assert market.filled(resting) == 0


@pytest.mark.parametrize(("price", "quantity"), [("0", "1"), ("99", "0"), ("-1", "1")])
def test_rule_01_an_impossible_trade_is_ignored(price, quantity):
    market = Market()
    market.quote("100.0", "100.1")
    market.events()
    assert market.trade(price, quantity, seller_hits=True) == []


def test_rule_01_the_published_quote_does_not_contain_our_orders():
    market = Market()
    market.quote("100.0", "100.5")
    market.buy("1", "100.2")
    assert market.engine.quote(SYMBOL).bid == D("100.0")


# --- rule 2: what is taken stays taken ---


def test_rule_02_what_we_take_from_the_touch_is_gone_while_the_price_stands():
    market = Market()
    market.quote("100.0", "100.1", ask_qty="2")
    first = market.buy("1.5", "100.1", time_in_force=IOC)
    second = market.buy("1.5", "100.1", time_in_force=IOC)
    market.quote("99.9", "100.1", ask_qty="2.5")
    third = market.buy("1.5", "100.1", time_in_force=IOC)
    market.quote("99.9", "100.2", ask_qty="2")
    market.quote("99.9", "100.1", ask_qty="2")
    fourth = market.buy("1.5", "100.1", time_in_force=IOC)
    assert [one.final.filled for one in (first, second, third, fourth)] == [D("1.5"), D("0.5"), D("0.5"), D("1.5")]


def test_rule_02_a_taker_walks_levels_of_the_touch_size_and_no_further():
    market = Market(depth_levels=2, depth_ticks=3)
    market.quote("100.0", "100.1", ask_qty="1")
    placed = market.buy("10", None)
    assert [(one.price, one.quantity) for one in placed.trades] == [
        (D("100.1"), D(1)),
        (D("100.4"), D(1)),
        (D("100.7"), D(1)),
    ]
    assert placed.final.status is OrderStatus.EXPIRED
    assert placed.final.end_reason is EndReason.NO_LIQUIDITY


def test_rule_02_a_seller_walks_down():
    market = Market(depth_levels=1)
    market.quote("100.0", "100.1", bid_qty="1")
    placed = market.sell("2", None)
    assert [one.price for one in placed.trades] == [D("100.0"), D("99.9")]


# --- rule 3: price, then time ---


def test_rule_03_the_better_price_fills_first_then_the_older_order():
    market = Market(queue_ahead_pct=D(0))
    market.quote("100.0", "100.5")
    later_better = "100.2"
    old = market.buy("1", "100.1")
    new = market.buy("1", "100.1")
    best = market.buy("1", later_better)
    events = market.trade("100.1", "2.5", seller_hits=True)
    assert fills(events) == [
        (best.accepted.client_id, D("100.2"), D(1)),
        (old.accepted.client_id, D("100.1"), D(1)),
        (new.accepted.client_id, D("100.1"), D("0.5")),
    ]


def test_rule_03_a_resting_order_fills_at_its_own_price_as_maker():
    market = Market(fees=FeeRates(maker=D("0.001"), taker=D("0.002")))
    market.quote("100.0", "100.1")
    market.sell("1", "100.4")
    (event,) = [one for one in market.quote("101.0", "101.1") if isinstance(one, Traded)]
    assert (event.trade.price, event.trade.is_maker, event.trade.fee) == (D("100.4"), True, D("0.1004"))


# --- rule 4: queue position ---


def test_rule_04_joining_the_touch_waits_behind_the_displayed_size():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="5")
    order = market.buy("1", "100.0")
    market.trade("100.0", "4.5", seller_hits=True)
    assert market.filled(order) == 0
    market.trade("100.0", "0.7", seller_hits=True)
    assert market.filled(order) == D("0.2")
    market.trade("100.0", "9", seller_hits=True)
    assert market.now(order).status is OrderStatus.FILLED


def test_rule_04_the_share_ahead_is_a_setting():
    market = Market(queue_ahead_pct=D(50))
    market.quote("100.0", "100.1", bid_qty="4")
    order = market.buy("1", "100.0")
    market.trade("100.0", "2.4", seller_hits=True)
    assert market.filled(order) == D("0.4")


def test_rule_04_improving_the_price_has_nothing_ahead():
    market = Market()
    market.quote("100.0", "100.5", bid_qty="50")
    order = market.buy("1", "100.1")
    market.trade("100.1", "0.3", seller_hits=True)
    assert market.filled(order) == D("0.3")


def test_rule_04_a_deeper_order_learns_its_queue_when_the_market_comes():
    market = Market()
    market.quote("100.0", "100.1")
    order = market.buy("1", "99.5")
    market.trade("99.5", "1", seller_hits=True)
    assert market.filled(order) == 0  # nobody knows yet who stands before it
    market.quote("99.5", "99.6", bid_qty="2")
    market.trade("99.5", "2.5", seller_hits=True)
    assert market.filled(order) == D("0.5")


def test_rule_04_the_queue_shrinks_with_the_displayed_size_but_not_grows():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="5")
    order = market.buy("1", "100.0")
    market.quote("100.0", "100.1", bid_qty="2")
    market.quote("100.0", "100.1", bid_qty="9")
    market.trade("100.0", "2.6", seller_hits=True)
    assert market.filled(order) == D("0.6")


def test_rule_04_the_queue_is_gone_when_the_market_retreated_from_our_price():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="5")
    order = market.buy("1", "100.0")
    market.quote("99.9", "100.1", bid_qty="5")
    market.quote("100.0", "100.1", bid_qty="5")  # who joins now stands behind us
    market.trade("100.0", "0.4", seller_hits=True)
    assert market.filled(order) == D("0.4")


def test_rule_04_the_queue_stays_while_the_market_is_better_than_our_price():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="5")
    order = market.buy("1", "100.0")
    market.quote("100.1", "100.2", bid_qty="1")
    market.quote("100.0", "100.1", bid_qty="8")
    market.trade("100.0", "5.5", seller_hits=True)
    assert market.filled(order) == D("0.5")


def test_rule_04_sell_side_mirror():
    market = Market()
    market.quote("100.0", "100.1", ask_qty="3")
    order = market.sell("1", "100.1")
    deeper = market.sell("1", "100.3")
    market.trade("100.1", "3.2", seller_hits=False)
    assert market.filled(order) == D("0.2")
    market.quote("100.0", "100.3", ask_qty="2")
    market.trade("100.3", "2.1", seller_hits=False)
    assert market.now(order).status is OrderStatus.FILLED  # 100.3 is through 100.1, so it took its size first
    assert market.filled(deeper) == 0


# --- rule 5: fill models ---


def test_rule_05_two_of_our_orders_share_one_queue():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="2")
    first = market.buy("1", "100.0")
    second = market.buy("1", "100.0")
    market.trade("100.0", "3.5", seller_hits=True)
    assert (market.filled(first), market.filled(second)) == (D(1), D("0.5"))


def test_rule_05_size_that_came_between_our_orders_is_respected():
    market = Market()
    market.quote("100.0", "100.1", bid_qty="2")
    first = market.buy("1", "100.0")
    market.quote("100.0", "100.1", bid_qty="6")
    second = market.buy("1", "100.0")
    market.trade("100.0", "4", seller_hits=True)  # 2 before the first, the first, 1 of the 4 between
    assert (market.filled(first), market.filled(second)) == (D(1), D(0))
    market.trade("100.0", "3.5", seller_hits=True)
    assert market.filled(second) == D("0.5")


def test_rule_05_the_wrong_aggressor_at_our_price_does_not_fill():
    market = Market(queue_ahead_pct=D(0))
    market.quote("100.0", "100.1")
    order = market.buy("1", "100.0")
    market.trade("100.0", "5", seller_hits=False)
    assert market.filled(order) == 0


@pytest.mark.parametrize(
    ("model", "expected"), [(FillModel.TOUCH, "0.5"), (FillModel.QUEUE, "0"), (FillModel.CROSS, "0")]
)
def test_rule_05_touch_knows_no_queue_and_cross_no_trade_at_our_price(model, expected):
    market = Market(fill_model=model)
    market.quote("100.0", "100.1", bid_qty="5")
    order = market.buy("1", "100.0")
    market.trade("100.0", "0.5", seller_hits=True)
    assert market.filled(order) == D(expected)


# --- rule 6: trades beyond our price ---


@pytest.mark.parametrize("model", list(FillModel))
@pytest.mark.parametrize("seller_hits", [True, False])
def test_rule_06_a_trade_beyond_our_price_fills_up_to_its_size(model, seller_hits):
    market = Market(fill_model=model)
    market.quote("100.0", "100.1", bid_qty="50")
    order = market.buy("1", "99.9")
    market.trade("99.8", "0.4", seller_hits=seller_hits)
    assert market.filled(order) == D("0.4")


def test_rule_06_a_trade_at_a_better_price_does_not_reach_us():
    market = Market(queue_ahead_pct=D(0))
    market.quote("100.0", "100.1")
    order = market.buy("1", "99.9")
    market.trade("100.0", "100", seller_hits=True)
    assert market.filled(order) == 0


# --- rule 7: the far side of the quote ---


def test_rule_07_the_far_side_at_our_price_fills_what_it_shows():
    market = Market()
    market.quote("100.0", "100.1")
    order = market.buy("1", "100.0")
    market.quote("99.9", "100.0", ask_qty="0.4")
    assert market.filled(order) == D("0.4")
    market.quote("99.8", "100.0", ask_qty="0.4")  # the same offer: taken already
    assert market.filled(order) == D("0.4")
    market.quote("99.8", "100.0", ask_qty="0.7")
    assert market.filled(order) == D("0.7")


def test_rule_07_the_far_side_beyond_our_price_fills_all():
    market = Market()
    market.quote("100.0", "100.1")
    order = market.buy("1", "100.0")
    events = market.quote("99.8", "99.9", ask_qty="0.001")
    assert fills(events) == [(order.accepted.client_id, D("100.0"), D(1))]


def test_rule_07_cross_wants_the_far_side_beyond():
    market = Market(fill_model=FillModel.CROSS)
    market.quote("100.0", "100.1")
    order = market.sell("1", "100.2")
    market.quote("100.2", "100.3", bid_qty="50")
    assert market.filled(order) == 0
    market.quote("100.3", "100.4")
    assert market.filled(order) == D(1)


# --- rule 8: pieces ---


def test_rule_08_a_cut_shortens_a_maker_fill_and_the_rest_keeps_resting():
    asked = []

    def cut(quantity: Decimal, step: Decimal) -> Decimal:
        asked.append((quantity, step))
        return D("0.3")

    market = Market(cut=cut)
    market.quote("100.0", "100.1")
    order = market.buy("1", "100.0")
    market.quote("99.8", "99.9")
    assert market.filled(order) == D("0.3")
    assert market.now(order).status is OrderStatus.PARTIALLY_FILLED
    market.quote("99.8", "99.9", ask_qty="4")
    assert market.filled(order) == D("0.6")
    assert asked == [(D(1), D("0.001")), (D("0.7"), D("0.001"))]


def test_rule_08_a_single_step_and_a_taker_are_never_cut():
    market = Market(cut=lambda _quantity, _step: pytest.fail("asked to cut"), rules={"min_notional": D(0)})
    market.quote("100.0", "100.1")
    order = market.buy("0.001", "100.0")
    market.buy("1", "100.1", time_in_force=IOC)
    market.quote("99.8", "99.9")
    assert market.filled(order) == D("0.001")


# --- rule 9: checks ---


@pytest.mark.parametrize(
    ("quantity", "price", "reason"),
    [
        ("0", "99", RefusalReason.QUANTITY_NOT_POSITIVE),
        ("0.0005", "99", RefusalReason.QUANTITY_TOO_SMALL),
        ("1001", "99", RefusalReason.QUANTITY_TOO_LARGE),
        ("1.0005", "99", RefusalReason.QUANTITY_STEP),
        ("1", "0", RefusalReason.PRICE_NOT_POSITIVE),
        ("1", "0.05", RefusalReason.PRICE_TOO_LOW),
        ("1", "1000001", RefusalReason.PRICE_TOO_HIGH),
        ("1", "99.05", RefusalReason.PRICE_TICK),
        ("1", "120", RefusalReason.PRICE_ABOVE_BAND),
        ("0.1", "99", RefusalReason.MIN_NOTIONAL),
        ("200", None, RefusalReason.QUANTITY_TOO_LARGE),
        ("0.05", None, RefusalReason.MIN_NOTIONAL),
    ],
)
def test_rule_09_an_order_against_the_rules_is_refused_without_effect(quantity, price, reason):
    market = Market()
    market.quote("100.0", "100.1")
    market.events()
    revision = market.engine.revision
    assert market.refusal(Side.BUY, quantity, price) is reason
    assert market.events() == []
    assert market.engine.revision == revision


def test_rule_09_the_band_limits_only_the_aggressive_side():
    market = Market()
    market.quote("100.0", "100.1")
    assert market.refusal(Side.SELL, "1", "80", time_in_force=GTC) is RefusalReason.PRICE_BELOW_BAND
    assert market.sell("1", "150").final.is_open
    assert market.buy("1", "50").final.is_open


def test_rule_09_a_market_order_needs_a_price_and_an_unknown_market_is_named():
    market = Market()
    assert market.refusal(Side.BUY, "1", None) is RefusalReason.NO_QUOTE
    answer = market.engine.execute(ACCOUNT, CancelOrder(symbol="NOPE", order_id=1), 5)
    assert isinstance(answer, Refused)


def test_rule_09_a_closed_market_takes_only_reduce_only_orders():
    market = Market(rules={"is_trading": False})
    market.quote("100.0", "100.1")
    assert market.refusal(Side.BUY, "1", "99") is RefusalReason.MARKET_CLOSED
    assert market.refusal(Side.SELL, "1", "101", reduce_only=True) is RefusalReason.REDUCE_ONLY


# --- rule 10: client ids and number of orders ---


def test_rule_10_a_client_id_is_unique_among_open_orders_only():
    market = Market()
    market.quote("100.0", "100.1")
    first = market.buy("1", "99", client_id="x")
    assert market.refusal(Side.BUY, "1", "98", client_id="x") is RefusalReason.DUPLICATE_CLIENT_ID
    market.cancel(first)
    second = market.buy("1", "98", client_id="x")
    found = market.engine.order(ACCOUNT, SYMBOL, client_id="x")
    assert found is not None
    assert found.order_id == second.accepted.order_id


def test_rule_10_an_order_without_a_client_id_gets_one():
    market = Market()
    market.quote("100.0", "100.1")
    names = {market.buy("1", "99", client_id="").accepted.client_id for _ in range(3)}
    assert len(names) == 3
    assert "" not in names


def test_rule_10_the_number_of_open_orders_is_limited():
    market = Market(rules={"max_open_orders": 2})
    market.quote("100.0", "100.1")
    market.buy("1", "99")
    market.sell("1", "101")
    assert market.refusal(Side.BUY, "1", "98") is RefusalReason.TOO_MANY_ORDERS


# --- rules 11 and 12: time in force ---


def test_rule_11_a_gtc_order_takes_what_its_limit_reaches_and_rests():
    market = Market(depth_ticks=2)
    market.quote("100.0", "100.1", ask_qty="1")
    placed = market.buy("3", "100.2", time_in_force=GTC)
    assert [(one.price, one.quantity, one.is_maker) for one in placed.trades] == [(D("100.1"), D(1), False)]
    assert placed.accepted.status is OrderStatus.OPEN
    assert placed.final.status is OrderStatus.PARTIALLY_FILLED
    assert market.engine.open_orders(ACCOUNT) == (placed.final,)


def test_rule_11_orders_of_two_accounts_meet_at_the_resting_price():
    market = Market(fees=FeeRates(maker=D(0), taker=D("0.001")))
    market.engine.open_account("beta", D(1000), market.tick())
    market.quote("100.0", "101.0")
    resting = market.buy("1", "100.5")
    placed = market.sell("1.5", "100.2", account="beta", time_in_force=GTC)
    assert [(one.price, one.quantity) for one in placed.trades] == [(D("100.5"), D(1))]
    assert market.now(resting).status is OrderStatus.FILLED
    assert (market.position(), market.position("beta")) == (D(1), D(-1))
    assert market.engine.balance("beta").fees == D("0.1005")


def test_rule_11_displayed_size_comes_before_another_account_at_the_same_price():
    market = Market()
    market.engine.open_account("beta", D(1000), market.tick())
    market.quote("100.0", "100.1", bid_qty="1")
    resting = market.buy("1", "100.0")
    market.sell("1.4", "100.0", account="beta", time_in_force=IOC)
    assert market.filled(resting) == D("0.4")


def test_rule_12_ioc_lets_the_rest_expire():
    market = Market()
    market.quote("100.0", "100.1", ask_qty="1")
    placed = market.buy("3", "100.1", time_in_force=IOC)
    assert (placed.final.filled, placed.final.status, placed.final.end_reason) == (
        D(1),
        OrderStatus.EXPIRED,
        EndReason.IMMEDIATE,
    )


def test_rule_12_fok_is_everything_or_nothing():
    market = Market(depth_levels=0)
    market.quote("100.0", "100.1", ask_qty="1")
    none = market.buy("1.001", "100.1", time_in_force=FOK)
    assert (none.final.filled, none.final.end_reason) == (D(0), EndReason.FILL_OR_KILL)
    every = market.buy("1", "100.1", time_in_force=FOK)
    assert every.final.status is OrderStatus.FILLED


def test_rule_12_fok_counts_other_accounts_but_not_its_own():
    market = Market(depth_levels=0)
    market.engine.open_account("beta", D(1000), market.tick())
    market.quote("100.0", "101.0", ask_qty="1")
    market.sell("1", "100.5", account="beta")
    market.sell("1", "100.6")
    short = market.buy("1.5", "100.9", time_in_force=FOK)
    assert short.final.end_reason is EndReason.FILL_OR_KILL
    enough = market.buy("1", "100.9", time_in_force=FOK)
    assert enough.final.status is OrderStatus.FILLED


# --- rule 13: post-only ---


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.1"), (Side.BUY, "101"), (Side.SELL, "100.0")])
def test_rule_13_post_only_that_would_take_expires_right_after_acceptance(side, price):
    market = Market()
    market.quote("100.0", "100.1")
    market.events()
    placed = market.place(side, "1", price)
    assert placed.accepted.status is OrderStatus.OPEN
    assert (placed.final.status, placed.final.end_reason) == (OrderStatus.EXPIRED, EndReason.POST_ONLY)
    assert [type(event) for event in market.events()] == [OrderAccepted, OrderExpired]
    assert market.position() == 0


def test_rule_13_post_only_meets_our_own_resting_order_too():
    market = Market()
    market.quote("100.0", "101.0")
    market.sell("1", "100.5")
    assert market.buy("1", "100.5").final.end_reason is EndReason.POST_ONLY
    assert market.buy("1", "100.4").final.is_open
    assert market.sell("1", "100.4").final.end_reason is EndReason.POST_ONLY


def test_rule_13_never_lets_it_rest_and_fill_as_maker():
    market = Market(post_only_reject=PostOnlyReject.NEVER)
    market.quote("100.0", "100.1")
    placed = market.buy("1", "100.3")
    assert placed.final.is_open
    assert placed.trades == ()
    events = market.quote("100.0", "100.1", ask_qty="6")
    assert fills(events) == [(placed.accepted.client_id, D("100.3"), D(1))]


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.1"), (Side.SELL, "100.0")])
def test_rule_13_post_only_that_would_take_is_refused_where_the_order_says_so(side, price):
    market = Market()
    market.quote("100.0", "100.1")
    assert market.refusal(side, "1", price, refuse_if_taking=True) is RefusalReason.POST_ONLY
    assert market.events() == []
    assert market.engine.orders(ACCOUNT, SYMBOL) == ()
    assert market.buy("1", "100.0", refuse_if_taking=True).final.is_open
    taking = market.buy("1", "100.1", refuse_if_taking=True, time_in_force=TimeInForce.GTC)
    assert taking.final.status is OrderStatus.FILLED


def test_rule_13_margin_is_looked_at_before_post_only():
    market = Market(deposit="1")
    market.quote("100.0", "100.1")
    assert market.refusal(Side.BUY, "1", "100.1", refuse_if_taking=True) is RefusalReason.MARGIN


def test_rule_13_never_refuses_nothing():
    market = Market(post_only_reject=PostOnlyReject.NEVER)
    market.quote("100.0", "100.1")
    assert market.buy("1", "100.3", refuse_if_taking=True).final.is_open


# --- rule 14: self-trade prevention ---


@pytest.mark.parametrize(
    ("mode", "taker_filled", "maker_open"),
    [(SelfTrade.EXPIRE_TAKER, "0", True), (SelfTrade.EXPIRE_MAKER, "1", False), (SelfTrade.EXPIRE_BOTH, "0", False)],
)
def test_rule_14_our_orders_never_trade_with_each_other(mode, taker_filled, maker_open):
    market = Market()
    market.quote("100.0", "101.0")
    maker = market.sell("1", "100.5")
    taker = market.buy("1", "101.0", time_in_force=IOC, self_trade=mode)
    assert taker.final.filled == D(taker_filled)
    assert market.now(maker).is_open is maker_open
    ended = [one for one in (taker.final, market.now(maker)) if one.end_reason is EndReason.SELF_TRADE]
    assert len(ended) == {SelfTrade.EXPIRE_BOTH: 2}.get(mode, 1)


def test_rule_14_better_displayed_prices_are_taken_before_our_own_order_is_met():
    market = Market()
    market.quote("100.0", "100.1", ask_qty="1")
    market.sell("1", "100.1")
    taker = market.buy("2", "100.1", time_in_force=GTC)
    assert (taker.final.filled, taker.final.end_reason) == (D(1), EndReason.SELF_TRADE)


# --- rules 15 and 16: reduce-only ---


def long_one(**settings) -> Market:
    market = Market(**settings)
    market.quote("100.0", "100.1")
    market.buy("1", "100.1", time_in_force=IOC)
    market.events()
    return market


def test_rule_15_reduce_only_is_refused_without_a_position_or_on_the_wrong_side():
    market = Market()
    market.quote("100.0", "100.1")
    assert market.refusal(Side.SELL, "1", "101", reduce_only=True) is RefusalReason.REDUCE_ONLY
    market = long_one()
    assert market.refusal(Side.BUY, "1", "99", reduce_only=True) is RefusalReason.REDUCE_ONLY


def test_rule_15_reduce_only_is_refused_when_resting_orders_cover_everything():
    market = long_one()
    market.sell("0.6", "101", reduce_only=True)
    partly = market.sell("0.6", "102", reduce_only=True)  # 0.2 too much: taken in, and the oracle sees it
    assert partly.final.is_open
    assert market.refusal(Side.SELL, "0.1", "103", reduce_only=True) is RefusalReason.REDUCE_ONLY


def test_rule_15_the_minimum_notional_does_not_bind_reduce_only_where_it_is_exempt():
    market = long_one()
    assert market.sell("0.001", "101", reduce_only=True).final.is_open
    market = long_one(rules={"reduce_only_exempt": False})
    assert market.refusal(Side.SELL, "0.001", "101", reduce_only=True) is RefusalReason.MIN_NOTIONAL


def test_rule_16_a_taking_reduce_only_order_is_cut_to_the_position():
    market = long_one()
    placed = market.sell("3", None, reduce_only=True)
    assert (placed.final.filled, placed.final.end_reason) == (D(1), EndReason.REDUCE_ONLY)
    assert market.position() == 0


def test_rule_16_a_resting_reduce_only_order_is_cut_and_expires_with_the_position():
    market = long_one()
    large = market.sell("3", "101", reduce_only=True)
    market.quote("101.5", "101.6")
    assert market.filled(large) == D(1)
    assert market.now(large).end_reason is EndReason.REDUCE_ONLY
    assert market.position() == 0


def test_rule_16_the_other_reduce_only_orders_expire_when_the_position_is_gone():
    market = long_one()
    waiting = market.sell("0.6", "105", reduce_only=True)
    market.sell("1", None)
    assert market.now(waiting).end_reason is EndReason.REDUCE_ONLY


# --- rule 17: positions, fees, profit ---


def test_rule_17_increase_reduce_close_and_flip():
    market = Market()
    market.quote("100.0", "100.1", ask_qty="100", bid_qty="100")
    market.buy("1", "100.1", time_in_force=IOC)
    market.quote("109.9", "110.1", ask_qty="100", bid_qty="100")
    market.buy("1", "110.1", time_in_force=IOC)
    view = market.engine.position(ACCOUNT, SYMBOL)
    assert (view.quantity, view.entry_price) == (D(2), D("105.1"))
    market.sell("0.5", "109.9", time_in_force=IOC)
    view = market.engine.position(ACCOUNT, SYMBOL)
    assert (view.quantity, view.entry_price, view.realized_pnl) == (D("1.5"), D("105.1"), D("2.4"))
    market.sell("2", "109.9", time_in_force=IOC)
    view = market.engine.position(ACCOUNT, SYMBOL)
    assert (view.quantity, view.entry_price, view.realized_pnl) == (D("-0.5"), D("109.9"), D("9.6"))
    market.buy("0.5", "110.1", time_in_force=IOC)
    assert market.engine.position(ACCOUNT, SYMBOL).realized_pnl == D("9.5")
    assert market.engine.balance(ACCOUNT).wallet == D("100009.5")


def test_rule_17_each_execution_tells_trade_balance_and_position_in_that_order():
    market = Market(fees=FeeRates(maker=D("0.0001"), taker=D("0.0004")))
    market.quote("100.0", "100.1")
    market.buy("1", "100.0", client_id="me")
    market.events()
    events = market.quote("99.8", "99.9")
    assert [type(event) for event in events] == [QuoteChanged, MarketTraded, Traded, BalanceChanged, PositionChanged]
    traded, balance, position = events[2:]
    assert traded.order.status is OrderStatus.FILLED
    assert (traded.order.filled, traded.order.average_price) == (D(1), D("100.0"))
    assert (traded.trade.cumulative, traded.trade.fee, traded.trade.fee_asset) == (D(1), D("0.01"), "USDT")
    assert balance.wallet == D("99999.99")
    assert (position.position.quantity, position.reason) == (D(1), ChangeReason.ORDER)


def test_rule_17_a_maker_rebate_is_income():
    market = Market(fees=FeeRates(maker=D("-0.0001"), taker=D(0)))
    market.quote("100.0", "100.1")
    market.buy("1", "100.0")
    market.quote("99.8", "99.9")
    assert market.engine.balance(ACCOUNT).fees == D("-0.01")
    assert market.engine.balance(ACCOUNT).wallet == D("100000.01")


# --- rule 18: margin ---


def test_rule_18_an_order_beyond_the_available_margin_is_refused():
    market = Market(deposit="100", default_leverage=10)
    market.quote("100.0", "100.1")
    assert market.refusal(Side.BUY, "11", "99") is RefusalReason.MARGIN
    market.buy("10", "99")
    assert market.engine.balance(ACCOUNT).available == D(1)
    assert market.refusal(Side.BUY, "0.2", "99") is RefusalReason.MARGIN
    market.sell("9", "105")  # the other side of the book needs nothing more: only the worse side counts


def test_rule_18_a_market_order_is_priced_at_the_touch():
    market = Market(deposit="100", default_leverage=1)
    market.quote("100.0", "100.1")
    assert market.refusal(Side.BUY, "1", None) is RefusalReason.MARGIN


def test_rule_18_reduce_only_orders_need_no_margin():
    market = Market(deposit="11", default_leverage=10)
    market.quote("100.0", "100.1")
    market.buy("1", "100.1", time_in_force=IOC)
    exit_order = market.sell("1", "101", reduce_only=True)
    assert exit_order.final.is_open
    assert market.engine.balance(ACCOUNT).order_margin == 0


# --- rule 19: funding ---


def test_rule_19_longs_pay_shorts_at_every_whole_interval():
    market = Market(funding_rate=D("0.0001"), start_ns=8 * HOUR - 10_000)
    market.engine.open_account("beta", D(1000), market.now_ns)
    market.quote("100.0", "100.2")
    market.buy("1", "100.2", time_in_force=IOC)
    market.sell("2", "100.0", account="beta", time_in_force=IOC)
    assert market.engine.next_event_ns() is not None
    market.events()
    market.now_ns = 8 * HOUR
    changes = [event for event in market.events() if isinstance(event, BalanceChanged)]
    assert [(one.account, one.change, one.reason) for one in changes] == [
        (ACCOUNT, D("-0.01001"), ChangeReason.FUNDING),
        ("beta", D("0.02002"), ChangeReason.FUNDING),
    ]
    assert market.engine.balance(ACCOUNT).funding == D("-0.01001")
    assert market.engine.next_event_ns() == 16 * HOUR
    market.now_ns = 16 * HOUR
    market.events()
    assert market.engine.balance(ACCOUNT).funding == D("-0.02002")


# --- rule 20: liquidation ---


def test_rule_20_below_maintenance_orders_are_canceled_and_the_position_is_closed():
    market = Market(deposit="110", default_leverage=10, liquidation_fee_rate=D("0.01"))
    market.quote("100.0", "100.1", ask_qty="100")
    market.buy("10", "100.1", time_in_force=IOC)
    exit_order = market.sell("10", "110", reduce_only=True)
    assert market.engine.position(ACCOUNT, SYMBOL).liquidation_price == pytest.approx(D("89.5477"), abs=D("0.001"))
    assert not [event for event in market.quote("89.7", "89.8") if isinstance(event, Liquidated)]
    events = market.quote("89.4", "89.5", bid_qty="3")
    assert [type(event) for event in events if isinstance(event, Liquidated | OrderCanceled)] == [
        Liquidated,
        OrderCanceled,
    ]
    assert market.now(exit_order).end_reason is EndReason.LIQUIDATION
    assert market.position() == 0
    closing = [event for event in events if isinstance(event, Traded)]
    assert all(event.trade.client_id.startswith("autoclose-") for event in closing)
    assert sum(event.trade.quantity for event in closing) == D(10)
    assert market.engine.balance(ACCOUNT).wallet == 0  # the loss beyond the deposit is made good


def test_rule_20_what_the_book_does_not_take_goes_at_the_deepest_level():
    market = Market(deposit="110", default_leverage=10, depth_levels=1)
    market.quote("100.0", "100.1", ask_qty="100")
    market.buy("10", "100.1", time_in_force=IOC)
    market.events()
    events = market.quote("89.4", "89.5", bid_qty="1")
    assert [price for _, price, _ in fills(events)] == [D("89.4"), D("89.3"), D("89.3")]
    assert market.position() == 0


# --- rule 21: time ---


def test_rule_21_a_command_is_executed_when_its_latency_has_passed():
    market = Market(ack_latency_ns=250, cancel_latency_ns=90, fill_latency_ns=150)
    market.quote("100.0", "100.1")
    market.engine.advance(10_000)
    number = market.engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "99.9", client_id="me"), 10_000)
    assert market.engine.advance(10_249) == []
    assert market.engine.next_event_ns() == 10_250
    (done,) = market.engine.advance(10_250)
    assert isinstance(done, CommandDone)
    assert (done.command_id, done.occurred_ns) == (number, 10_250)
    assert market.engine.next_event_ns() == 10_400
    (accepted,) = market.engine.advance(10_400)
    assert isinstance(accepted, OrderAccepted)
    assert accepted.occurred_ns == 10_250
    cancel = market.engine.submit(ACCOUNT, CancelOrder(symbol=SYMBOL, client_id="me"), 20_000)
    (done,) = market.engine.advance(20_100)
    assert isinstance(done, CommandDone)
    assert (done.command_id, done.occurred_ns) == (cancel, 20_090)
    assert isinstance(done.answer, Canceled)


def test_rule_21_an_order_that_is_held_waits_longer_and_others_pass_it():
    market = Market(ack_latency_ns=100)
    market.quote("100.0", "100.1")
    held = market.spec_of(Side.BUY, "1", "100.1", time_in_force=TimeInForce.IOC, hold_ns=1_000)
    first = market.engine.submit(ACCOUNT, held, 10_000)
    second = market.engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "99.9"), 10_500)
    done = [event for event in market.engine.advance(11_099) if isinstance(event, CommandDone)]
    assert [event.command_id for event in done] == [second]
    (late,) = [event for event in market.engine.advance(11_100) if isinstance(event, CommandDone)]
    assert (late.command_id, late.occurred_ns) == (first, 11_100)


def test_rule_21_the_market_that_comes_first_is_matched_first():
    market = Market(ack_latency_ns=100)
    market.quote("100.0", "100.1")
    market.engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "100.0"), 10_000)
    market.engine.on_quote(SYMBOL, D("99.8"), D(1), D("99.9"), D(1), 10_050)
    (done,) = [event for event in market.engine.advance(11_000) if isinstance(event, CommandDone)]
    assert done.answer.final.end_reason is EndReason.POST_ONLY


def test_rule_21_a_due_command_runs_before_a_later_quote():
    market = Market(ack_latency_ns=100)
    market.quote("100.0", "100.1")
    market.engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "100.0"), 10_000)
    market.engine.on_quote(SYMBOL, D("99.8"), D(1), D("99.9"), D(1), 10_100)
    assert market.position() == D(1)


def test_rule_21_private_events_keep_their_order_and_public_ones_are_not_delayed():
    market = Market(fill_latency_ns=1_000)
    market.quote("100.0", "100.1")
    order = market.buy("1", "100.0")
    public = market.quote("99.8", "99.9")
    assert [type(event) for event in public if not isinstance(event, BalanceChanged)] == [
        OrderAccepted,
        QuoteChanged,
        MarketTraded,
    ]
    assert market.filled(order) == D(1)  # a question sees the truth before the report arrives
    market.tick()
    assert [type(event) for event in market.events()] == [Traded, BalanceChanged, PositionChanged]


def test_rule_21_the_dead_man_timer_cancels_the_market_and_can_be_renewed_and_stopped():
    market = Market()
    market.quote("100.0", "100.1")
    order = market.buy("1", "99")

    def arm(delay_ns):
        market.engine.execute(ACCOUNT, SetCancelTimer(symbol=SYMBOL, delay_ns=delay_ns), market.now_ns)

    arm(5_000)
    market.tick(4_000)
    arm(5_000)
    market.tick(4_000)
    market.events()
    assert market.now(order).is_open
    arm(0)
    market.tick(50_000)
    market.events()
    assert market.now(order).is_open
    arm(5_000)
    assert market.engine.next_event_ns() == market.now_ns + 5_000
    market.tick(6_000)
    (canceled,) = market.events()
    assert isinstance(canceled, OrderCanceled)
    assert canceled.order.end_reason is EndReason.CANCEL_TIMER
    assert canceled.occurred_ns == market.now_ns - 1_000
