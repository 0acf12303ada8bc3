from decimal import Decimal
from urllib.parse import parse_qs

import pytest

from exchanges.errors import (
    ConfigError,
    InsufficientMargin,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    RequestNotSent,
    RequestRefused,
    UnknownOrder,
)
from exchanges.lighter import transactions
from exchanges.lighter.settings import LighterSettings
from exchanges.values import OrderStatus, Side
from exchanges.venue import AccountSetup, RequestKind, SignAgain
from tests.exchanges.lighter.samples import (
    NOW_NS,
    OUR_ID,
    SYMBOL,
    account,
    receipt,
    ref,
    refusal,
    reply,
    request,
)


def signed(made, call, wall_ns=NOW_NS):
    """Sign a call; what the library was given."""
    made.sign(call.request, wall_ns)
    return made.signer.signed[-1]


def test_a_post_only_entry():
    made = account(LighterSettings(entry_ttl_s=600))
    call = transactions.place_order(made, request())
    function, arguments = signed(made, call)
    assert function == "SignCreateOrder"
    assert arguments == {
        "market_index": 0,
        "client_order_index": int(OUR_ID),
        "base_amount": 250,
        "price": 234567,
        "is_ask": 0,
        "order_type": 0,
        "time_in_force": 2,
        "reduce_only": 0,
        "order_expiry": NOW_NS // 10**6 + 600_000,
        "nonce": 100,
    }
    spent = call.request
    assert (spent.kind, spent.weight, spent.order_weight) == (RequestKind.ENTRY, 0, 1)


def test_an_exit_rests_for_the_exits_time_and_has_the_reserved_budget():
    made = account(LighterSettings(exit_ttl_s=86400))
    call = transactions.place_order(made, request(side=Side.SELL, reduce_only=True))
    _, arguments = signed(made, call)
    assert (arguments["is_ask"], arguments["reduce_only"]) == (1, 1)
    assert arguments["order_expiry"] == NOW_NS // 10**6 + 86_400_000
    assert call.request.kind is RequestKind.EXIT


def test_an_immediate_order_has_no_expiry_and_a_plain_one_is_good_till_time():
    made = account()
    _, now = signed(made, transactions.place_order(made, request(post_only=False, immediate=True)))
    assert now["time_in_force"] == 0
    assert "order_expiry" not in now
    made = account()
    _, plain = signed(made, transactions.place_order(made, request(post_only=False)))
    assert plain["time_in_force"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"price": None},
        {"immediate": True},
        {"client_order_id": 0},
        {"client_order_id": 2**32},
        {"price": Decimal("1.005")},
        {"quantity": Decimal("0.00001")},
    ],
)
def test_orders_that_do_not_exist_here(changes):
    with pytest.raises(ValueError, match=r"price|outside|whole number"):
        transactions.place_order(account(), request(**changes))


def test_an_unknown_market_is_said():
    with pytest.raises(ConfigError, match="SOL"):
        transactions.place_order(account(), request(symbol="SOL"))


def test_the_form_carries_type_and_info():
    made = account()
    sent = made.sign(transactions.place_order(made, request()).request, NOW_NS)
    form = parse_qs(sent.body.decode())
    assert (sent.method, sent.target) == ("POST", "/api/v1/sendTx")
    assert form["tx_type"] == ["14"]
    assert '"nonce": 100' in form["tx_info"][0]
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"


# --- what an answer means for the order and for the nonce ---


def test_the_receipt_accepts_nothing_and_counts_the_nonce():
    made = account()
    call = transactions.place_order(made, request())
    signed(made, call)
    report = call.read(receipt())
    assert (report.status, report.order_id, report.filled) == (OrderStatus.OPEN, None, 0)
    assert made.nonces.take() == 101
    assert made.sent.of_order(OUR_ID).is_taken


@pytest.mark.parametrize(
    ("code", "kind"), [(21739, InsufficientMargin), (21700, UnknownOrder), (21999, RequestRefused)]
)
def test_a_definite_refusal_gives_the_nonce_back(code, kind):
    made = account()
    call = transactions.place_order(made, request())
    signed(made, call)
    with pytest.raises(kind):
        call.read(refusal(code))
    assert made.nonces.take() == 100


def test_an_invalid_nonce_is_asked_for_and_the_order_is_to_be_signed_again():
    made = account()
    call = transactions.place_order(made, request())
    signed(made, call)
    with pytest.raises(SignAgain):
        call.read(refusal(21104, "invalid nonce"))
    question = call.first()
    made.sign(question.request, NOW_NS)
    question.read(reply({"code": 200, "nonce": 107}))
    assert call.first() is None
    assert signed(made, call)[1]["nonce"] == 107


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(23000, status=429), RateLimited),
        (refusal(29501, status=504), OutcomeUnknown),
        (refusal(21728), OutcomeUnknown),
        (reply("<html>", 403), OutcomeUnknown),
        (reply("{}"), OutcomeUnknown),
        (reply("nonsense"), OutcomeUnknown),
    ],
)
def test_an_answer_that_does_not_say_leaves_the_nonce_to_be_asked_for(answer, kind):
    made = account()
    call = transactions.place_order(made, request())
    assert call.first() is None
    signed(made, call)
    with pytest.raises(kind):
        call.read(answer)
    question = call.first()
    assert question.request.path == "/api/v1/nextNonce"
    assert dict(question.request.parameters) == {"account_index": "12345", "api_key_index": "4"}


def test_no_answer_at_all_leaves_the_nonce_to_be_asked_for():
    made = account()
    call = transactions.place_order(made, request())
    signed(made, call)
    assert call.first() is not None
    with pytest.raises(RequestNotSent, match="not known"):
        made.sign(transactions.place_order(made, request()).request, NOW_NS)


def test_the_question_before_an_exit_has_the_reserved_budget():
    made = account(nonce=None)
    exit_call = transactions.place_order(made, request(side=Side.SELL, reduce_only=True))
    assert exit_call.first().request.kind is RequestKind.EXIT
    assert transactions.place_order(made, request()).first().request.kind is RequestKind.ENTRY


def test_a_library_that_refuses_uses_no_nonce():
    made = account()
    made.signer.refuses = "bad"
    with pytest.raises(RequestNotSent, match="bad"):
        made.sign(transactions.place_order(made, request()).request, NOW_NS)
    assert made.nonces.take() == 100


# --- others ---


def test_a_cancel_names_our_id_and_says_nothing_about_the_order():
    made = account()
    placing = transactions.place_order(made, request())
    signed(made, placing)
    placing.read(receipt())
    call = transactions.cancel_order(made, ref())
    assert call.request.kind is RequestKind.CANCEL
    function, arguments = signed(made, call)
    assert (function, arguments) == (
        "SignCancelOrder",
        {"market_index": 0, "order_index": int(OUR_ID), "nonce": 101},
    )
    report = call.read(receipt())
    assert (report.status, report.filled, report.side) == (OrderStatus.UNKNOWN, 0, Side.BUY)
    assert report.quantity == Decimal("0.0250")


def test_a_cancel_of_an_order_of_an_earlier_run():
    made = account()
    call = transactions.cancel_order(made, ref())
    signed(made, call)
    assert call.read(receipt()).status is OrderStatus.UNKNOWN


def test_cancel_all_of_one_market():
    made = account()
    call = transactions.cancel_all(made, SYMBOL)
    assert signed(made, call) == ("SignCancelAllOrders", {"time_in_force": 0, "market_index": 0, "nonce": 100})
    assert call.read(receipt()) == "cd" * 40


def test_leverage_and_margin():
    made = account()
    setup = AccountSetup(symbol=SYMBOL, leverage=3, isolated=True)
    call = transactions.update_leverage(made, setup, lambda tx_hash, _: tx_hash)
    assert signed(made, call)[1] == {
        "market_index": 0,
        "initial_margin_fraction": 3333,
        "margin_mode": 1,
        "nonce": 100,
    }
    call.read(receipt())
    margin = transactions.update_margin(made, SYMBOL, 5_000_000, adds=True)
    assert signed(made, margin)[1] == {"market_index": 0, "usdc_amount": 5_000_000, "direction": 1, "nonce": 101}
    assert margin.read(receipt()) == "cd" * 40


@pytest.mark.parametrize("nonce", [-1, 2**63 - 1, 10**30])
def test_a_nonce_that_the_library_cannot_take_is_malformed(nonce):
    made = account(nonce=None)
    call = transactions.next_nonce(made, lambda nonce, _: nonce)
    with pytest.raises(MalformedMessage, match="nonce is outside"):
        call.read(reply({"code": 200, "nonce": nonce}))
    assert call.read(reply({"code": 200, "nonce": 3})) == 3
    assert made.nonces.take() == 3
