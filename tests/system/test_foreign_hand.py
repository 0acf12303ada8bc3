"""Somebody else trades on the bot's account: what is only seen, what is proven, and what `adopt` books."""

import json
from decimal import Decimal

import pytest

from actors.adoption import answer
from actors.status import BotState, summary
from exchanges.simulated.testing import running_venue
from tests.system.loopback import SYMBOL, access_to, book, bot_settings, running_bot, state, until
from tests.system.program import QUICK, Desk
from tests.system.program import until as eventually
from tests.system.scripted_tape import steps
from tests.system.small_client import SmallClient
from tests.system.test_bot_on_loopback import held_at, open_lot, wait_for_entry

pytestmark = pytest.mark.timeout(120)

HALF = Decimal("0.005")


def sell_by_hand(client, quantity):
    client.call(
        "POST", "/fapi/v1/order", symbol=SYMBOL, side="SELL", type="MARKET", quantity=str(quantity),
        newClientOrderId="hand",
    )  # fmt: skip


def read_position_again(bot, venue):
    """Every catch-up ends with a reading of orders and position: the quick way to another proof."""
    before = bot.status().connections[0].reconnects
    venue.cut_private_sessions()
    until(lambda: bot.status().connections[0].reconnects > before, "the cut is noticed")
    until(lambda: bot.status().connections[0].phase.value == "live", "the stream is back")


def prove_difference(bot, venue):
    for _ in range(8):
        read_position_again(bot, venue)
        if state(bot.status()).lots.mismatch:
            return
    raise AssertionError(f"not proven: {book(bot.status())}")


def test_what_was_sold_by_hand_is_proven_blocks_entries_and_is_booked_by_adopt(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            exit_order = open_lot(bot, venue)
            wait_for_entry(bot, venue)
            assert answer(bot.adopt())["adopted"] == {}
            sell_by_hand(SmallClient(venue.rest_url, venue.credentials), HALF)
            left = exit_order.quantity - HALF
            assert held_at(venue) == left
            prove_difference(bot, venue)
            assert bot.status().state is BotState.DEGRADED
            # the exit is cut to what is held, and nobody fights the hand
            until(lambda: sum(o.leaves for o in book(bot.status()).orders if o.is_working) == left, "the exit is cut")
            booked = bot.adopt()["btc"]
            assert booked.is_booked
            assert (booked.position, booked.lots_before, booked.lots_after) == (left, exit_order.quantity, left)
            assert booked.external == 0
            until(lambda: bot.status().state is BotState.RUNNING, "running again")
            lots = book(bot.status()).lots
            assert [lot.remaining for lot in lots if lot.remaining] == [left]
            assert bot.adopt() == {}


def test_a_position_that_was_closed_by_hand_is_no_reason_to_fight(tmp_path):
    """The venue takes the reduce-only exit away with the position; it is not placed again and again, nor sold twice."""
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            exit_order = open_lot(bot, venue)
            sell_by_hand(SmallClient(venue.rest_url, venue.credentials), exit_order.quantity)
            prove_difference(bot, venue)
            until(lambda: held_at(venue) == 0, "nothing is held")
            placed = summary(bot.status())["exits_placed"]
            # a refusal right after a fill is worth some retries (`reduce_only_retry_s`), and after that none
            assert placed <= 12
            read_position_again(bot, venue)
            assert summary(bot.status())["exits_placed"] == placed
            booked = bot.adopt()["btc"]
            assert (booked.is_booked, booked.position, booked.lots_after) == (True, 0, 0)
            until(lambda: bot.status().state is BotState.RUNNING, "running again")
            assert held_at(venue) == 0
            assert summary(bot.status())["lots_open"] == 0


def test_an_exit_that_was_canceled_by_hand_is_placed_again(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            first = open_lot(bot, venue)
            client = SmallClient(venue.rest_url, venue.credentials)
            client.call("DELETE", "/fapi/v1/order", symbol=SYMBOL, orderId=str(first.order_id))
            second = until(
                lambda: next(
                    (
                        order
                        for order in book(bot.status()).orders
                        if order.is_working and order.client_order_id != first.client_order_id
                    ),
                    None,
                ),
                "another exit",
            )
            assert (second.quantity, second.price) == (first.quantity, first.price)
        assert venue.status()["violations"] == 0


def test_an_exit_that_was_moved_and_cut_by_hand_stays_and_the_rest_gets_another(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            first = open_lot(bot, venue)
            higher = first.price + 100
            SmallClient(venue.rest_url, venue.credentials).call(
                "PUT", "/fapi/v1/order", symbol=SYMBOL, side="SELL", orderId=str(first.order_id),
                quantity=str(first.quantity - HALF), price=str(higher),
            )  # fmt: skip
            read_position_again(bot, venue)

            def exits():
                orders = book(bot.status()).orders
                return orders if len(orders) == 2 and all(order.is_working for order in orders) else None

            mine = {order.client_order_id: order for order in until(exits, "a second exit")}
            moved = mine.pop(first.client_order_id)
            (rest,) = mine.values()
            assert (moved.price, moved.quantity) == (higher, first.quantity - HALF)
            assert (rest.price, rest.quantity) == (first.price, HALF)
            venue.trade(SYMBOL, str(higher + 10), "50", buyer_is_maker=False)
            until(lambda: book(bot.status()).counters.lots_closed == 1, "the lot closed")
            assert held_at(venue) == 0


@pytest.mark.system
def test_adopt_from_a_second_terminal(desk: Desk, tmp_path) -> None:
    fall = steps(tmp_path / "fall.csv.gz", [(0.0, "60000"), (1.6, "59900"), (90.0, "59900")])
    running = desk.start("--json", settings=(*QUICK, *fall))
    running.until_logged("close_order_placed")
    nothing = desk.tell("adopt")
    assert nothing.code == 0, nothing.err
    assert json.loads(nothing.out)["adopted"] == {}
    assert "nothing was booked" in json.loads(nothing.out)["result"]
    client = SmallClient(desk.venue.rest, desk.venue.credentials)
    held = Decimal(client.position(SYMBOL))
    sell_by_hand(client, Decimal("0.001"))
    running.until_logged("position_mismatch", timeout_s=40)
    shown = json.loads(desk.tell("status").out)["grids"]["btc-paper"]["mismatch"]
    assert shown["is_proven"]
    assert Decimal(shown["position"]) == held - Decimal("0.001")
    told = json.loads(desk.tell("adopt").out)
    assert Decimal(told["adopted"]["btc-paper"]["lots_after"]) == held - Decimal("0.001")
    eventually(lambda: json.loads(desk.tell("status").out)["state"] == "running", "the bot goes on")
    assert desk.tell("stop").code == 0
    assert running.wait().code == 0


def test_nobody_to_adopt_for_is_said(desk: Desk) -> None:
    desk.tell("adopt").assert_plain_error(1, "no bot is running on", str(desk.state_dir))
