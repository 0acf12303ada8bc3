from dataclasses import replace

import pytest

from exchanges.errors import AuthenticationRefused, OutcomeUnknown, RequestRefused
from exchanges.lighter import account_setup
from exchanges.venue import AccountSetup
from tests.exchanges.lighter.samples import (
    NOW_NS,
    SYMBOL,
    Conversation,
    account,
    account_body,
    position_row,
    receipt,
    refusal,
    reply,
    said,
    tx_record,
)

SETUP = AccountSetup(symbol=SYMBOL, leverage=5)
TEN = reply(account_body(position_row(initial_margin_fraction="10.00")))
FIVE = reply(account_body(position_row(initial_margin_fraction="20.00")))
RECORDED = reply(tx_record(type=20))


def clock(seconds_off=0):
    return reply({"timestamp": NOW_NS // 10**9 + seconds_off})


def run(made, answers, setup=SETUP):
    """All checks in order, as the connection asks them: what each says, and what was asked."""
    known = {"": clock(), "accountLimits": reply({"code": 200}), "nextNonce": reply({"code": 200, "nonce": 100})}
    conversation = Conversation(made, {**known, **answers})
    return [conversation.follow(call) for call in account_setup.calls(made, setup)], conversation.asked


def test_what_is_as_asked_is_left_alone():
    said_, asked = run(account(nonce=None), {"account": FIVE})
    assert said_ == [None] * 4
    assert asked == ["", "accountLimits", "nextNonce", "account"]


@pytest.mark.parametrize("answer", [TEN, reply(account_body())])
def test_another_leverage_is_set_and_the_record_proves_it(answer):
    made = account(nonce=None)
    said_, asked = run(made, {"account": answer, "sendTx": receipt("ab" * 40), "tx": RECORDED})
    assert said_ == [None] * 4
    assert asked[-3:] == ["account", "sendTx", "tx"]
    function, arguments = made.signer.signed[-1]
    assert (function, arguments["initial_margin_fraction"], arguments["margin_mode"]) == ("SignUpdateLeverage", 2000, 0)


@pytest.mark.parametrize(("answer", "applied"), [(TEN, "is 10 (cross)"), (reply(account_body()), "was never set")])
def test_who_only_observes_is_told_of_another_leverage_and_sets_none(answer, applied):
    made = account(nonce=None)
    said_, asked = run(made, {"account": answer}, replace(SETUP, may_change=False))
    assert said_ == [None, None, None, f"leverage of {SYMBOL} {applied}, 5 (cross) was asked for"]
    assert asked == ["", "accountLimits", "nextNonce", "account"]
    assert made.signer.signed == []


def test_the_margin_mode_counts_too():
    made = account(nonce=None)
    isolated = AccountSetup(symbol=SYMBOL, leverage=5, isolated=True)
    run(made, {"account": FIVE, "sendTx": receipt(), "tx": RECORDED}, isolated)
    assert made.signer.signed[-1][1]["margin_mode"] == 1


@pytest.mark.parametrize("answer", [refusal(21500), reply(tx_record(type=20, status=1))])
def test_a_record_that_is_not_there_yet_is_tried_again(answer):
    made = account(nonce=None)
    with pytest.raises(OutcomeUnknown, match="not set yet"):
        run(made, {"account": TEN, "sendTx": receipt(), "tx": answer})
    said_, _ = run(made, {"account": TEN, "sendTx": receipt(), "tx": RECORDED})
    assert said_ == [None] * 4


def test_a_pending_change_is_not_sent_twice():
    made = account(nonce=None)
    pending = reply(tx_record(type=20, status=1))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            run(made, {"account": TEN, "sendTx": receipt(), "tx": pending})
    assert len(made.signer.signed) == 1


def test_a_refusal_of_the_gate_or_of_the_sequencer_is_a_problem():
    at_the_gate, _ = run(account(nonce=None), {"account": TEN, "sendTx": refusal(21113)})
    assert "refused leverage 5 (cross) of ETH" in at_the_gate[-1]
    record = reply(tx_record(said(21132), type=20))
    later, _ = run(account(nonce=None), {"account": TEN, "sendTx": receipt(), "tx": record})
    assert "21132" in later[-1]


def test_other_errors_stay_errors():
    with pytest.raises(AuthenticationRefused):
        run(account(nonce=None), {"account": TEN, "sendTx": refusal(21120)})
    with pytest.raises(AuthenticationRefused):
        run(account(nonce=None), {"accountLimits": refusal(20013, status=401)})
    with pytest.raises(RequestRefused):
        run(account(nonce=None), {"account": TEN, "sendTx": receipt(), "tx": refusal(20001)})


@pytest.mark.parametrize(("off", "is_fine"), [(29, True), (-30, True), (40, False), (-40, False)])
def test_a_clock_that_is_far_off_is_a_problem(off, is_fine):
    said_, _ = run(account(nonce=None), {"": clock(off), "account": FIVE})
    assert (said_[0] is None) is is_fine


def test_an_account_that_is_not_active_is_a_problem():
    said_, _ = run(account(nonce=None), {"account": reply(account_body(position_row(), status=2))})
    assert "not active" in said_[-1]
