from decimal import Decimal

import pytest

from exchanges.errors import AuthenticationRefused, MalformedMessage, OutcomeUnknown
from exchanges.lighter import rest
from exchanges.values import FeeRates, PriceSource
from tests.exchanges.lighter.samples import (
    NOW_NS,
    OUR_ID,
    Conversation,
    account,
    account_body,
    details,
    order_row,
    position_row,
    ref,
    refusal,
    reply,
    sample,
    trade_row,
)

SECOND = 10**9


def ask(made, call, **answers):
    conversation = Conversation(made, {name: reply(body) for name, body in answers.items()})
    return conversation.follow(call), conversation


def test_the_clock_tells_seconds():
    made = account()
    call = rest.server_time(made)
    assert call.request.path == "/"
    assert call.read(reply({"status": 200, "network_id": 1, "timestamp": 1_795_330_010})) == NOW_NS + SECOND // 2
    for seconds in (-1, 10**12):
        with pytest.raises(MalformedMessage, match="timestamp"):
            call.read(reply({"status": 200, "timestamp": seconds}))


def test_markets_are_learned_on_the_way():
    made = account()
    made.markets.learn([])
    rules, _ = ask(made, rest.all_markets(made), orderBookDetails=details(symbol="SOL", market_id=7))
    assert set(rules) == {"SOL"}
    assert made.markets.symbol(7) == "SOL"


def test_a_question_about_a_market_nobody_read_yet_reads_the_markets_first():
    made = account()
    made.markets.learn([])
    price, asked = ask(
        made,
        rest.best_price(made, "ETH"),
        orderBookDetails=details(),
        orderBookOrders=sample("GET orderBookOrders"),
    )
    assert asked.asked == ["orderBookDetails", "orderBookOrders"]
    assert (price.bid, price.ask, price.source) == (Decimal("2345.67"), Decimal("2351.00"), PriceSource.REST)
    with pytest.raises(MalformedMessage, match="no market DOGE"):
        ask(made, rest.best_price(made, "DOGE"), orderBookDetails=details())


def test_the_top_of_single_orders_is_summed_by_price_whatever_their_order():
    asks = [("2352", "1"), ("2351.00", "0.5"), ("2351.0", "0.25")]
    body = {
        "asks": [{"price": price, "remaining_base_amount": size} for price, size in asks],
        "bids": None,
    }
    price = rest.top_of_orders("ETH", body, NOW_NS)
    assert (price.ask, price.ask_quantity, price.bid, price.bid_quantity) == (2351, Decimal("0.75"), 0, 0)


def test_open_orders_and_none():
    made = account()
    active, asked = ask(made, rest.open_orders(made, "ETH"), accountActiveOrders={"orders": [order_row()]})
    assert [report.client_order_id for report in active.orders] == [OUR_ID]
    assert asked.parameters == [{"account_index": "12345", "market_id": "0"}]
    assert ask(made, rest.open_orders(made, "ETH"), accountActiveOrders={"orders": None})[0].orders == ()
    with pytest.raises(MalformedMessage, match="another market"):
        ask(made, rest.open_orders(made, "ETH"), accountActiveOrders={"orders": [order_row(market_index=1)]})


def test_private_questions_carry_the_token():
    made = account()
    signed = made.sign(rest.open_orders(made, "ETH").request, NOW_NS)
    assert signed.headers["Authorization"] == f"{NOW_NS // SECOND + 7 * 3600}:12345:4:00"
    assert signed.target == "/api/v1/accountActiveOrders?account_index=12345&market_id=0"
    public = made.sign(rest.account_query(made), NOW_NS)
    assert "Authorization" not in public.headers
    assert public.headers["User-Agent"].startswith("Mozilla/")


def test_a_token_that_is_not_taken_is_dropped():
    made = account()
    first = made.tokens.current(NOW_NS)
    with pytest.raises(AuthenticationRefused):
        rest.open_orders(made, "ETH").read(refusal(20013, status=401))
    assert made.tokens.current(NOW_NS + SECOND) != first


# --- trades ---


def trades(*rows, cursor=""):
    return {"code": 200, "trades": list(rows), "next_cursor": cursor}


def at(second, trade_id):
    return trade_row(transaction_time=second * 10**6, timestamp=second * 1000, trade_id=trade_id)


def test_recent_fills_come_oldest_first():
    made = account()
    call = rest.recent_fills(made, "ETH", 1000 * SECOND)
    fills, asked = ask(made, call, trades=trades(at(1002, 2), at(1001, 1)))
    assert [fill.trade_id for fill in fills] == ["1", "2"]
    assert asked.parameters[0]["sort_dir"] == "desc"
    assert call.request.history_weight == 1


def test_pages_are_read_until_one_reaches_back():
    made = account()
    page = [at(2000, 500)] * 100
    pages = iter([trades(*page, cursor="a"), trades(*[at(1995, 400)] * 99, at(980, 3), cursor="b"), trades()])
    conversation = Conversation(made, {"trades": lambda: reply(next(pages))})
    fills = conversation.follow(rest.recent_fills(made, "ETH", 1000 * SECOND))
    assert [each.get("cursor") for each in conversation.parameters] == [None, "a"]
    assert {fill.trade_id for fill in fills} == {"400", "500"}


def test_too_many_pages_are_an_error_and_not_a_part():
    made = account()
    with pytest.raises(OutcomeUnknown, match="more than 3000"):
        ask(made, rest.recent_fills(made, "ETH", 1), trades=trades(*[at(2000, 1)] * 100, cursor="a"))


def test_trades_of_others_and_of_other_markets():
    made = account()
    foreign = trade_row(bid_account_id=1)
    assert ask(made, rest.recent_fills(made, "ETH", 1), trades=trades(foreign))[0] == ()
    with pytest.raises(MalformedMessage, match="another market"):
        ask(made, rest.recent_fills(made, "ETH", 1), trades=trades(trade_row(market_id=1)))


def test_the_fills_of_one_order():
    made = account()
    order = ref(order_id="562949952421311")
    fills, asked = ask(made, rest.order_fills(made, order), trades=trades(trade_row(), trade_row(bid_id=7, trade_id=9)))
    assert [fill.trade_id for fill in fills] == ["7000000002"]
    assert asked.parameters[0]["order_index"] == "562949952421311"


# --- account ---


def test_the_position_of_a_market_and_a_market_without_row():
    made = account()
    report, asked = ask(made, rest.position(made, "ETH"), account=account_body(position_row()))
    assert (report.quantity, asked.parameters) == (Decimal("-0.5000"), [{"by": "index", "value": "12345"}])
    flat, _ = ask(made, rest.position(made, "ETH"), account=account_body(position_row(market_id=3)))
    assert (flat.quantity, flat.symbol) == (0, "ETH")


@pytest.mark.parametrize("body", [{"code": 200, "accounts": None}, account_body(account_index=7)])
def test_an_answer_about_no_account_or_another_one_is_malformed(body):
    made = account()
    with pytest.raises(MalformedMessage):
        ask(made, rest.position(made, "ETH"), account=body)


def test_totals():
    made = account()
    totals, _ = ask(made, rest.account_summary(made), account=account_body(total_asset_value="1001.5"))
    assert (totals.equity, totals.available) == (Decimal("1001.5"), Decimal("941.358250"))
    older, _ = ask(made, rest.account_summary(made), account=account_body(total_asset_value=None))
    assert older.equity == Decimal("1000.000000")


def test_fees_are_those_of_the_tier_unless_the_settings_say():
    made = account()
    body = {"code": 200, "user_tier": "premium", "current_maker_fee_tick": 28, "current_taker_fee_tick": 280}
    rates, _ = ask(made, rest.fee_rates(made, None, None), accountLimits=body)
    assert rates == FeeRates(maker=Decimal("0.000028"), taker=Decimal("0.00028"))
    set_, _ = ask(made, rest.fee_rates(made, Decimal(0), None), accountLimits=body)
    assert set_ == FeeRates(maker=Decimal(0), taker=Decimal("0.00028"))
