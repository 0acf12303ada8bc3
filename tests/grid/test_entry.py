import pytest

from actors.grid.settings import Direction
from actors.messages import PriceChanged
from exchanges.values import CancelReason
from tests.grid.harness import D, Harness


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"min_price": D(200)}, "price outside the venue's range"),
        ({"max_price": D(50)}, "price outside the venue's range"),
        ({"max_quantity": D("0.05")}, "size below the venue's minimum"),
        ({"is_trading": False}, "market closed"),
    ],
)
def test_entry_that_the_venue_would_refuse_is_not_sent(rules, reason):
    grid = Harness(rules=rules)
    assert grid.take() == []
    assert grid.state.blocked_reason == reason


@pytest.mark.parametrize(("bid", "ask"), [("0", "1"), ("-1", "1"), ("100.1", "100.0"), ("100", "100"), ("NaN", "1")])
def test_senseless_book_is_no_price(bid, ask):
    grid = Harness(book=None)
    assert grid.state.blocked_reason == "no price"
    grid.both(PriceChanged(grid="g", bid=D(bid), ask=D(ask), alive_ns=grid.now_ns))
    assert grid.take() == []
    assert grid.state.blocked_reason == "price stale"


def test_refusals_are_forgotten_when_an_entry_rested():
    grid = Harness()
    grid.reject("c1")
    grid.pass_ms(250)
    grid.ack("c2")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.pass_ms(2_000)
    assert grid.take()[-1] == "c3 buy 1@99.9"


def test_quote_age_travels_with_the_order():
    grid = Harness(book=None)
    grid.price("100.0", "100.1", age_ms=700)
    assert grid.commands[0].quote_ns == grid.now_ns - 700_000_000


def test_price_so_low_that_its_exit_is_zero_is_not_entered():
    grid = Harness(
        book=None, direction=Direction.SELL, take_profit_pct=D(50), order_notional_usd=D(200),
        rules={"tick": D("0.1"), "min_price": D("0.1"), "max_quantity": D(10_000)}, post_only_ticks=1,
    )  # fmt: skip
    grid.price("0.1", "0.3")
    grid.ack("c1")
    assert grid.orders["c1"].price == D("0.2")
