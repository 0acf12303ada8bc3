"""What a taking order finds, and what a resting one waits for (exchanges.simulated.book)."""

from decimal import Decimal

from exchanges.simulated.book import Book, Offer, Order
from exchanges.simulated.engine_types import (
    EngineSettings,
    MarketSpec,
    OrderType,
    QuoteTick,
    SelfTrade,
    TimeInForce,
)
from exchanges.values import OrderStatus, Side
from tests.exchanges.simulated.market import RULES, SYMBOL

D = Decimal


def book(**settings) -> Book:
    return Book(MarketSpec(rules=RULES), EngineSettings(**settings))


def order(number: int, side: Side, price: str, quantity: str = "1", account: str = "a") -> Order:
    return Order(
        account=account,
        symbol=SYMBOL,
        order_id=number,
        client_id=f"c{number}",
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=D(price),
        quantity=D(quantity),
        reduce_only=False,
        self_trade=SelfTrade.EXPIRE_TAKER,
        created_ns=1,
        updated_ns=1,
    )


def shown(bid="100.0", bid_qty="2", ask="100.1", ask_qty="3") -> QuoteTick:
    return QuoteTick(SYMBOL, D(bid), D(bid_qty), D(ask), D(ask_qty))


def test_without_a_quote_there_is_nothing():
    empty = book()
    empty.add(order(1, Side.BUY, "99"))
    assert empty.next_offer(Side.BUY, None) is None
    assert empty.left_at_touch(Side.BUY) == 0
    assert empty.met_by_quote(Side.BUY) == []
    assert empty.mark_price() is None
    assert empty.buys[0].ahead is None
    assert not empty.would_take(Side.BUY, D(1000))


def test_offers_go_on_level_by_level_as_they_are_taken():
    one = book(depth_levels=1, depth_ticks=5)
    one.show(shown())
    assert one.next_offer(Side.BUY, None) == Offer(D("100.1"), D(3))
    one.take(Side.SELL, D(2))
    assert one.next_offer(Side.BUY, None) == Offer(D("100.1"), D(1))
    one.take(Side.SELL, D(1))
    assert one.next_offer(Side.BUY, None) == Offer(D("100.6"), D(3))
    assert one.next_offer(Side.BUY, D("100.5")) is None
    one.take(Side.SELL, D(3))
    assert one.next_offer(Side.BUY, None) is None
    assert one.left_at_touch(Side.SELL) == 0


def test_levels_end_above_zero_and_an_empty_side_offers_nothing():
    one = book()
    one.show(shown(bid="0.2", ask="0.3"))
    one.take(Side.BUY, D(4))
    assert one.next_offer(Side.SELL, None) is None
    one.show(shown(bid_qty="0"))
    assert one.next_offer(Side.SELL, None) is None


def test_the_better_of_displayed_and_resting_comes_first_and_displayed_at_a_tie():
    one = book()
    one.show(shown())
    cheap, tie = order(1, Side.SELL, "100.05"), order(2, Side.SELL, "100.1")
    one.add(tie)
    assert one.next_offer(Side.BUY, None) == Offer(D("100.1"), D(3))
    one.add(cheap)
    assert one.next_offer(Side.BUY, None) == Offer(D("100.05"), D(1), cheap)
    one.remove(cheap)
    one.remove(cheap)
    assert one.resting() == [tie]
    bid = order(3, Side.BUY, "100.05")
    one.add(bid)
    assert one.next_offer(Side.SELL, None) == Offer(D("100.05"), D(1), bid)


def test_reachable_counts_displayed_levels_and_other_accounts_within_the_limit():
    one = book(depth_levels=1)
    one.show(shown())
    one.add(order(1, Side.SELL, "100.2", "5", account="b"))
    one.add(order(2, Side.SELL, "100.1", "7"))
    one.add(order(3, Side.SELL, "100.3", "9", account="b"))
    taker = order(4, Side.BUY, "100.2", "100")
    assert one.reachable(taker) == 3 + 3 + 5
    seller = order(5, Side.SELL, "100.0", "100")
    assert one.reachable(seller) == 2


def test_a_view_tells_average_price_and_remainder():
    one = order(1, Side.BUY, "99", "3")
    assert (one.view().average_price, one.view().remaining, one.view().is_open) == (D(0), D(3), True)
    one.fill(D(99), D(1), 5)
    one.fill(D(98), D(1), 6)
    view = one.view()
    assert (view.average_price, view.remaining, view.status) == (D("98.5"), D(1), OrderStatus.PARTIALLY_FILLED)
    one.fill(D(97), D(1), 7)
    assert one.view().status is OrderStatus.FILLED
    assert not one.view().is_open
