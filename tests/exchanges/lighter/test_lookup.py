"""What became of an order: every witness, and every way in which they can agree or not."""

from dataclasses import replace

import pytest

from exchanges.errors import OutcomeUnknown, RequestRefused, UnknownOrder
from exchanges.lighter import earlier_runs, lookup, transactions
from exchanges.values import CancelReason, OrderStatus, RejectReason
from exchanges.venue import AccountSetup, HttpReply, Undecided
from tests.exchanges.lighter.samples import (
    NOW_NS,
    OUR_ID,
    SYMBOL,
    Conversation,
    account,
    order_row,
    receipt,
    ref,
    refusal,
    reply,
    request,
    said,
    tx_record,
)

NONE = reply({"code": 200, "orders": None})
NO_RECORD = refusal(21500)
SECOND = 10**9
LONG_AGO = NOW_NS - 60 * SECOND
TODAY = NOW_NS - 3600 * SECOND


def nonce_is(number):
    return reply({"code": 200, "nonce": number})


def sent_and_lost(signed_ns=LONG_AGO):
    """An account whose order went out with nonce 100 and was never answered."""
    made = account()
    made.sign(transactions.place_order(made, request()).request, signed_ns)
    return made


def follow(made, answers, **names):
    conversation = Conversation(made, {"accountOrders": NONE, **answers})
    return conversation.follow(lookup.query_order(made, ref(**names))), conversation


def test_a_listed_order_is_told_as_it_stands():
    report, asked = follow(account(), {"accountOrders": reply({"code": 200, "orders": [order_row()]})})
    assert (report.client_order_id, report.status) == (OUR_ID, OrderStatus.OPEN)
    assert asked.parameters == [{"account_index": "12345", "client_order_indexes": str(int(OUR_ID))}]


def test_of_two_with_our_id_the_one_that_changed_last_counts():
    rows = [
        order_row(
            status="filled", filled_base_amount="0.0250", filled_quote_amount="58.6", transaction_time=2 * 10**15
        ),
        order_row(transaction_time=10**15),
        order_row(client_order_index=5),
    ]
    report, _ = follow(account(), {"accountOrders": reply({"code": 200, "orders": rows})})
    assert report.status is OrderStatus.FILLED


# --- orders of an earlier run ---


def of_today(made, answers, **names):
    return follow(made, answers, not_before_ns=TODAY, **names)


def second_run(void_ns=None):
    """An account that was set up, and since when nothing of an earlier run can come."""
    made = account()
    made.setups[SYMBOL] = AccountSetup(symbol=SYMBOL, leverage=5)
    if void_ns is not None:
        made.sent.void_earlier(void_ns)
    return made


def test_before_the_set_up_an_order_of_today_that_is_not_listed_is_unknown():
    with pytest.raises(UnknownOrder):
        of_today(account(), {})


def test_all_nonces_an_earlier_run_can_have_used_are_skipped_before_absence_counts():
    made = second_run()
    with pytest.raises(OutcomeUnknown, match="asked again"):
        of_today(made, {"nextNonce": nonce_is(100), "sendTx": receipt()})
    assert made.signer.signed[-1] == (
        "SignUpdateLeverage",
        {"market_index": 0, "initial_margin_fraction": 2000, "margin_mode": 0, "nonce": 164, "skip_nonce": 1},
    )
    assert made.sent.earlier_void_ns == NOW_NS
    assert made.nonces.take() == 165
    with pytest.raises(UnknownOrder, match="yet"):
        of_today(made, {})


@pytest.mark.parametrize(("answer", "why"), [(refusal(21104), "meanwhile"), (refusal(21132), "still free")])
def test_nonces_that_could_not_be_skipped_leave_the_absence_which_counts_after_the_fence(answer, why):
    """Found by the simulation: where the skip was refused for ever, an exit stayed unknown for ever."""
    made = second_run()
    with pytest.raises(UnknownOrder, match=why):
        of_today(made, {"nextNonce": nonce_is(100), "sendTx": answer})
    assert made.sent.earlier_void_ns is None


def test_an_earlier_run_is_shut_out_without_knowing_its_orders():
    assert earlier_runs.shut_out(account(), SYMBOL) is None, "before the set up"
    made = second_run()
    skip = further_of(earlier_runs.shut_out(made, SYMBOL), nonce_is(100))
    assert skip.read(receipt()) == 10.0
    assert made.sent.earlier_void_ns == NOW_NS
    refused = further_of(earlier_runs.shut_out(second_run(), SYMBOL), nonce_is(100))
    with pytest.raises(UnknownOrder, match="meanwhile"):
        refused.read(refusal(21104))


def further_of(call, answer):
    with pytest.raises(Undecided) as found:
        call.read(answer)
    return found.value.further


def test_an_order_of_an_earlier_run_that_is_not_listed_then_was_never_accepted():
    report, asked = of_today(second_run(LONG_AGO), {})
    assert (report.status, report.reason, report.filled) == (OrderStatus.REJECTED, CancelReason.NEVER_ACCEPTED, 0)
    assert (report.client_order_id, asked.asked) == (OUR_ID, ["accountOrders"])


def test_nonces_that_were_skipped_while_the_list_was_on_its_way_prove_nothing_yet():
    made = second_run()

    def slow():
        made.sent.void_earlier(LONG_AGO)
        return NONE

    with pytest.raises(OutcomeUnknown):
        of_today(made, {"accountOrders": slow, "nextNonce": nonce_is(100), "sendTx": receipt()})


def test_an_accepted_order_of_an_earlier_run_that_is_not_listed_is_unknown():
    with pytest.raises(UnknownOrder):
        of_today(second_run(LONG_AGO), {}, order_id="77")


# --- orders this process sent ---


def test_the_sequencers_refusal_is_the_end_of_the_order():
    report, asked = follow(sent_and_lost(), {"tx": reply(tx_record(said(21740)))})
    assert (report.status, report.reject_reason) == (OrderStatus.REJECTED, RejectReason.REDUCE_ONLY)
    assert (report.reason, report.quantity) == (CancelReason.NEVER_ACCEPTED, request().quantity)
    assert asked.parameters[1] == {"by": "hash", "value": f"{100:080d}"}


def test_a_failed_transaction_without_words_is_a_refusal_too():
    report, _ = follow(sent_and_lost(), {"tx": reply(tx_record(status=0))})
    assert (report.status, report.reject_reason) == (OrderStatus.REJECTED, RejectReason.OTHER)


@pytest.mark.parametrize("record", [tx_record(status=1), tx_record(said(21728))])
def test_a_pending_one_and_a_duplicate_decide_nothing(record):
    with pytest.raises(OutcomeUnknown):
        follow(sent_and_lost(), {"tx": reply(record)})


def test_executed_and_not_listed_yet_decides_nothing():
    with pytest.raises(OutcomeUnknown, match="not listed yet"):
        follow(sent_and_lost(NOW_NS - SECOND), {"tx": reply(tx_record())})


def test_executed_long_ago_and_not_listed_is_looked_for_in_history():
    ended = order_row(status="filled", filled_base_amount="0.0250", filled_quote_amount="58.6")
    answers = {"tx": reply(tx_record()), "accountInactiveOrders": reply({"code": 200, "orders": [ended]})}
    assert follow(sent_and_lost(), answers)[0].status is OrderStatus.FILLED


def test_a_nonce_that_another_transaction_used_proves_that_it_never_was():
    made = sent_and_lost()
    made.nonces.learn(100, made.nonces.generation)
    other = transactions.cancel_order(made, ref(client_order_id=9))
    made.sign(other.request, NOW_NS)
    other.read(receipt())
    report, _ = follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(101)})
    assert (report.status, report.reason, report.filled) == (OrderStatus.REJECTED, CancelReason.NEVER_ACCEPTED, 0)


def used_by_nobody_we_know(made, seconds=0, **answers):
    """What is asked, and answered, so long after NOW_NS, where the nonce of the order is used up."""
    given = {"accountOrders": NONE, "tx": NO_RECORD, "nextNonce": nonce_is(101), **answers}
    later = {
        name: replace(answer, received_ns=NOW_NS + seconds * SECOND) if isinstance(answer, HttpReply) else answer
        for name, answer in given.items()
    }
    return follow(made, later)


def test_a_nonce_used_by_nobody_we_know_proves_it_once_a_record_would_have_to_be_there():
    made = sent_and_lost()
    for seconds in (0, 9):
        with pytest.raises(OutcomeUnknown, match="no record yet"):
            used_by_nobody_we_know(made, seconds)
    report, asked = used_by_nobody_we_know(made, 10)
    assert (report.status, report.reason) == (OrderStatus.REJECTED, CancelReason.NEVER_ACCEPTED)
    assert asked.asked == ["accountOrders", "tx", "nextNonce", "tx"]


def test_an_order_that_comes_late_between_two_questions_is_not_given_up():
    made = sent_and_lost()
    with pytest.raises(OutcomeUnknown, match="no record yet"):
        used_by_nobody_we_know(made)
    records = iter([NO_RECORD, reply(tx_record())])
    ended = order_row(status="filled", filled_base_amount="0.0250", filled_quote_amount="58.6")
    history = reply({"code": 200, "orders": [ended]})
    report, _ = used_by_nobody_we_know(made, 60, tx=lambda: next(records), accountInactiveOrders=history)
    assert report.status is OrderStatus.FILLED


def test_a_taken_order_without_record_is_not_given_up():
    made = account()
    call = transactions.place_order(made, request())
    made.sign(call.request, LONG_AGO)
    call.read(receipt())
    for nonce in (100, 101):
        with pytest.raises(OutcomeUnknown):
            follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(nonce)})


@pytest.mark.parametrize("nonce", [100, 101, 105])
def test_a_taken_order_without_record_is_none_once_its_transaction_has_expired(nonce):
    made = account()
    call = transactions.place_order(made, request())
    made.sign(call.request, NOW_NS - 670 * SECOND)
    call.read(receipt())
    with pytest.raises(UnknownOrder, match="expired"):
        follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(nonce)})


def test_a_free_nonce_is_used_up_and_then_it_is_proven():
    made = sent_and_lost()
    report, asked = follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(100), "sendTx": receipt()})
    assert (report.status, report.reason) == (OrderStatus.REJECTED, CancelReason.NEVER_ACCEPTED)
    assert asked.asked == ["accountOrders", "tx", "nextNonce", "sendTx"]
    assert made.signer.signed[-1] == (
        "SignCancelOrder",
        {"market_index": 0, "order_index": int(OUR_ID), "nonce": 100},
    )
    assert made.nonces.take() == 101


def test_where_the_gate_knows_nothing_to_cancel_the_leverage_it_has_uses_the_nonce_up():
    made = sent_and_lost()
    made.setups[SYMBOL] = AccountSetup(symbol=SYMBOL, leverage=5)
    answers = iter([refusal(21700), receipt()])
    report, asked = follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(100), "sendTx": answers.__next__})
    assert (report.status, report.reason) == (OrderStatus.REJECTED, CancelReason.NEVER_ACCEPTED)
    assert asked.asked == ["accountOrders", "tx", "nextNonce", "sendTx", "sendTx"]
    assert made.signer.signed[-1] == (
        "SignUpdateLeverage",
        {"market_index": 0, "initial_margin_fraction": 2000, "margin_mode": 0, "nonce": 100},
    )
    assert made.nonces.take() == 101


@pytest.mark.parametrize("answer", [refusal(21104), refusal(21132)])
def test_a_leverage_that_is_not_taken_proves_nothing(answer):
    made = sent_and_lost()
    made.setups[SYMBOL] = AccountSetup(symbol=SYMBOL, leverage=5)
    answers = iter([refusal(21700), answer])
    with pytest.raises(OutcomeUnknown):
        follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(100), "sendTx": answers.__next__})
    assert not made.sent.of_order(OUR_ID).is_void


@pytest.mark.parametrize("answer", [refusal(21104), refusal(21700), refusal(29500, status=500)])
def test_a_nonce_that_could_not_be_used_up_proves_nothing(answer):
    made = sent_and_lost()
    with pytest.raises(OutcomeUnknown):
        follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(100), "sendTx": answer})
    assert not made.sent.of_order(OUR_ID).is_void


def test_free_nonces_before_it_are_used_up_first():
    """Two transactions were written one behind the other and lost together; the first was a cancel."""
    made = account()
    before = transactions.cancel_order(made, ref())
    made.sign_transaction(before.request, LONG_AGO)
    order = transactions.place_order(made, request())
    made.sign_transaction(order.request, LONG_AGO, before.request)
    answers = {
        "tx": NO_RECORD,
        "nextNonce": iter([nonce_is(100), nonce_is(101)]).__next__,
        "sendTx": receipt(),
    }
    report, _ = follow(made, answers)
    assert (report.status, report.reason) == (OrderStatus.REJECTED, CancelReason.NEVER_ACCEPTED)
    assert [row["nonce"] for _, row in made.signer.signed] == [100, 101, 100, 101]
    assert [name for name, _ in made.signer.signed[2:]] == ["SignCancelOrder"] * 2


def test_a_nonce_before_it_that_cannot_be_used_up_proves_nothing():
    made = account()
    made.sign_transaction((before := transactions.cancel_order(made, ref())).request, LONG_AGO)
    made.sign_transaction(transactions.place_order(made, request()).request, LONG_AGO, before.request)
    with pytest.raises(OutcomeUnknown, match="used meanwhile"):
        follow(made, {"tx": NO_RECORD, "nextNonce": nonce_is(100), "sendTx": refusal(21104)})


def test_a_nonce_far_behind_is_no_sequence_that_was_lost_together():
    with pytest.raises(OutcomeUnknown, match="not counted"):
        follow(sent_and_lost(), {"tx": NO_RECORD, "nextNonce": nonce_is(50)})


def test_another_error_about_the_record_is_an_error():
    with pytest.raises(RequestRefused, match="20001"):
        follow(sent_and_lost(), {"tx": refusal(20001)})


# --- orders of an earlier run ---


def test_history_is_read_back_to_the_orders_time():
    page = [order_row(client_order_index=9, transaction_time=1_795_000_000_000_000) for _ in range(100)]
    pages = iter(
        [
            reply({"code": 200, "orders": page, "next_cursor": "c1"}),
            reply({"code": 200, "orders": [order_row(status="canceled")], "next_cursor": ""}),
        ]
    )
    report, asked = follow(account(), {"accountInactiveOrders": lambda: next(pages)})
    assert report.status is OrderStatus.CANCELED
    assert asked.parameters[-1]["cursor"] == "c1"


@pytest.mark.parametrize(
    "rest",
    [
        {"orders": None},
        {"orders": [order_row(client_order_index=9)], "next_cursor": "more"},
        {"orders": [order_row(client_order_index=9)] * 100, "next_cursor": ""},
        {"orders": [order_row(client_order_index=9, transaction_time=10**15)] * 100, "next_cursor": "more"},
    ],
)
def test_where_history_ends_the_order_is_unknown(rest):
    with pytest.raises(UnknownOrder, match="neither listed nor in history"):
        follow(account(), {"accountInactiveOrders": reply({"code": 200, **rest})}, not_before_ns=10**15 * 1000 + 1)


def test_a_history_without_end_decides_nothing():
    page = {"code": 200, "orders": [order_row(client_order_index=9)] * 100, "next_cursor": "more"}
    with pytest.raises(OutcomeUnknown, match="newest 2000"):
        follow(account(), {"accountInactiveOrders": reply(page)})
