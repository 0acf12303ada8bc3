"""Cards AC-29 to AC-33: how fast, how fine, how small."""

from decimal import Decimal

import pytest

from actors.messages import OrderAccepted, OrderDenied, OrderRejected
from actors.send_gate import rule_problem, to_request
from actors.venue_messages import OrderHeld
from exchanges.errors import RateLimited, RuleViolated
from exchanges.records import replace
from exchanges.rounding import floor_to
from exchanges.simulated.faces.mishaps import Mishap
from exchanges.values import RejectReason
from tests.contract.desk import BID, SECOND


def test_ac_29_too_many_requests_is_a_refusal_with_a_pause(desk):
    """AC-29: 429 with the venue's own body means not executed: the owner is told RATE, and nothing of the same lanes
    leaves until the pause is over.

    Aster 5.1, 5.2; Backpack 4.3; Lighter 2, 4 (RELIABILITY.md O6).
    """
    entry = desk.entry()
    desk.plan(Mishap.RATE_LIMITED, entry)
    desk.command(entry, settles=False)
    (refused,) = desk.told(OrderRejected)
    assert refused.reason is RejectReason.RATE
    assert desk.open_at_venue() == 0
    call = desk.venue.place_limit_order(to_request(entry)).request
    wait_ns = desk.budget.take(call.kind, call.weight, call.order_weight, desk.clock.monotonic_ns())
    assert wait_ns > 0
    desk.pass_time(wait_ns / SECOND)
    desk.command(desk.entry())
    assert len(desk.told(OrderAccepted)) == 1


def test_ac_30_when_the_quota_is_used_up_exits_and_cancels_still_go(desk):
    """AC-30: questions and entries stop at their share of the venue's quota; an exit and a cancel then still leave,
    and the venue takes them, even when what the last command left behind has to be asked for first (a nonce). Beyond
    the quota the venue refuses, so the share was one of a real limit.

    Aster 5.2, 5.3; Backpack 4.3; Lighter 4, 9 (RELIABILITY.md O6).
    """
    entry, other = desk.place_filled(), desk.entry()
    desk.plan(Mishap.LOST_REPLY, other)
    desk.command(other)
    question = desk.venue.active_orders(desk.symbol)
    while has_budget(desk, question.request):
        desk.ask(question)
    while has_budget(desk, desk.venue.place_limit_order(to_request(desk.entry())).request):
        pass
    late = desk.entry()
    desk.lanes.tell(late)
    exit_order = desk.exit_of(entry)
    desk.command(exit_order)
    assert [told.client_order_id for told in desk.closer.all(OrderAccepted)] == [exit_order.client_order_id]
    desk.command(desk.cancel_of(other))
    assert desk.open_at_venue() == 1
    assert desk.told(OrderRejected) == []
    assert late.client_order_id not in [number for number, _ in desk.intents.recorded]
    desk.command(desk.cancel_of(late))
    assert [type(fact) for fact in desk.facts.done if fact.command.client_order_id == late.client_order_id] == [
        OrderHeld
    ]
    assert [told.client_order_id for told in desk.told(OrderDenied)] == [late.client_order_id]
    allowed = max(limit.amount for limit in desk.venue.rate_limits)
    with pytest.raises(RateLimited) as caught:
        ask_often(desk, question, allowed + 1)
    assert caught.value.retry_after_s > 0


def has_budget(desk, request):
    """Whether a request may leave now, which spends its price."""
    return not desk.budget.take(request.kind, request.weight, request.order_weight, desk.clock.monotonic_ns())


def ask_often(desk, question, times):
    for _ in range(times):
        desk.ask(question)


def bad_orders(desk):
    rules = desk.rules
    good = to_request(desk.entry())
    small = max(rules.min_quantity, rules.step)
    least = floor_to(rules.min_notional / BID, rules.step)
    yield "tick", replace(good, price=good.price + rules.tick / 10)
    yield "step", replace(good, quantity=good.quantity + rules.step / 10)
    if rules.min_quantity > rules.step:
        yield "minimum quantity", replace(good, quantity=rules.min_quantity - rules.step)
    if least >= small:
        yield "minimum notional", replace(good, quantity=least, price=BID - BID / 100)
    elif rules.min_notional > 0:
        price = floor_to(rules.min_notional / small - rules.tick, rules.tick)
        yield "minimum notional", replace(good, quantity=small, price=max(price, rules.tick))


@pytest.mark.parametrize("what", ["tick", "step", "minimum quantity", "minimum notional"])
def test_ac_31_what_breaks_the_rules_is_denied_here_and_refused_there(desk, what):
    """AC-31: the send gate denies an order that breaks tick, step or a minimum, with words and without a request; the
    venue, asked all the same, refuses it by its rules, where its protocol can spell such an order at all.

    Aster 7 (-1111, -4014, -4164); Backpack 4.1, 5; Lighter 2, 3 (SCENARIOS.md 22).
    """
    orders = dict(bad_orders(desk))
    if what not in orders:
        return  # the market has no such rule of its own
    order = orders[what]
    assert rule_problem(order, desk.rules)
    entry = replace(desk.entry(), price=order.price, quantity=order.quantity)
    assert isinstance(desk.command(entry), OrderHeld)
    (denied,) = desk.told(OrderDenied)
    assert denied.reason
    assert desk.intents.recorded == []
    with pytest.raises((RuleViolated, ValueError)):
        desk.ask(desk.venue.place_limit_order(order))
    assert desk.open_at_venue() == 0


def test_ac_32_the_smallest_order_that_the_rules_allow_is_accepted(desk):
    """AC-32: the rules as read are not stricter than the venue's: minimum quantity and notional themselves pass.

    Aster 7; Backpack 5; Lighter 3.
    """
    rules = desk.rules
    quantity = max(rules.min_quantity, floor_to(rules.min_notional / BID, rules.step) + rules.step)
    entry = desk.entry(quantity=quantity)
    assert rule_problem(to_request(entry), rules) == ""
    desk.command(entry)
    assert len(desk.told(OrderAccepted)) == 1
    assert desk.open_at_venue() == 1


def test_ac_33_small_exits_pass_where_the_venue_exempts_them(desk):
    """AC-33: `reduce_only_exempt_from_minimum` is true of the venue: a reduce-only order below the minimum notional is
    accepted where it is set, else denied here and refused there (the lot's rest is dust).

    Aster 7 (MIN_NOTIONAL); Backpack 5; Lighter 3 (SCENARIOS.md 22).
    """
    entry = desk.place_filled()
    rules = desk.rules
    assert rules.reduce_only_exempt is desk.capabilities.reduce_only_exempt_from_minimum
    price = floor_to(entry.price * Decimal("1.01"), rules.tick)
    if rules.min_quantity * price >= rules.min_notional:
        return  # no quantity is large enough for the minimum quantity and too small for the minimum notional
    small = desk.exit_of(entry, price=price, quantity=rules.min_quantity)
    desk.command(small)
    if rules.reduce_only_exempt:
        assert len(desk.closer.all(OrderAccepted)) == 1
        return
    assert len(desk.told(OrderDenied)) == 1
    with pytest.raises(RuleViolated):
        desk.ask(desk.venue.place_limit_order(to_request(small)))
    assert desk.open_at_venue() == 0
