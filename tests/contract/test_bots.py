"""Cards AC-40 to AC-43: a whole bot on every venue, over real HTTP and WebSocket connections."""

from decimal import Decimal

import pytest

from actors.status import BotState, ConnectionPhase, summary
from exchanges.simulated.faces.mishaps import Mishap
from tests.contract.bots import open_floor
from tests.system.loopback import book, until

pytestmark = pytest.mark.usefixtures("toy_is_registered")


def test_ac_40_a_bot_trades_from_entry_to_closed_lot(subject, tmp_path):
    """AC-40: the bot starts, rests an entry, covers its fill with an exit at the take-profit, closes the lot with a
    profit after fees, and leaves nothing of an entry behind. The venue's own book counts no violation.

    SCENARIOS.md 1, over the wire of every venue.
    """
    with open_floor(subject, tmp_path) as floor:
        with floor.bot() as bot:
            entry = floor.entry(bot)
            floor.fall_through(entry.price)
            order = floor.exits(bot, 1)[0]
            assert order.quantity == entry.quantity
            assert order.price >= entry.price * Decimal("1.005")
            floor.rise_through(order.price)
            until(lambda: book(bot.status()).counters.lots_closed == 1, "the lot closed")
            told = summary(bot.status())
            assert told["lots_closed"] == 1
            assert told["unprotected_quantity"] == "0"
            assert Decimal(told["realized_pnl"]) > 0
            assert bot.status().state is BotState.RUNNING
        assert floor.venue.status()["open_orders"] == 0


def test_ac_41_a_bot_outlasts_a_lost_reply_and_a_cut_stream(subject, tmp_path):
    """AC-41: the reply to an exit is lost, later the stream is cut and an entry fills unseen: every lot has one exit of
    its size, no order goes out twice, and the stream is live again.

    SCENARIOS.md 15, 16 (RELIABILITY.md O1, W7).
    """
    with open_floor(subject, tmp_path) as floor, floor.bot() as bot:
        first = floor.entry(bot)
        floor.venue.plan_mishap(Mishap.LOST_REPLY, method=subject.order_method)
        floor.fall_through(first.price)
        assert floor.exits(bot, 1)[0].quantity == first.quantity
        assert floor.venue.call(lambda venue: venue.face.mishaps.happened) == 1
        second = floor.entry(bot)
        assert floor.venue.cut_private_sessions() == 1
        floor.fall_through(second.price)
        orders = floor.exits(bot, 2)
        assert [order.quantity for order in orders] == [first.quantity, second.quantity]
        assert [lot.remaining for lot in book(bot.status()).lots] == [first.quantity, second.quantity]
        until(lambda: bot.status().connections[0].phase is ConnectionPhase.LIVE, "the stream restored", 20)
        assert bot.status().connections[0].reconnects == 1


def test_ac_42_a_bot_that_comes_back_adopts_its_exit(subject, tmp_path):
    """AC-42: a second bot on the same state finds the exit that the first left, adopts it under its own id, and closes
    the lot with it.

    SCENARIOS.md 14.
    """
    with open_floor(subject, tmp_path) as floor:
        with floor.bot() as bot:
            floor.fall_through(floor.entry(bot).price)
            first = floor.exits(bot, 1)[0]
        with floor.bot() as bot:
            adopted = floor.exits(bot, 1)[0]
            assert adopted.client_order_id == first.client_order_id
            floor.rise_through(adopted.price)
            until(lambda: book(bot.status()).counters.lots_closed == 1, "the adopted lot closed")
            assert Decimal(summary(bot.status())["realized_pnl"]) > 0


def test_ac_43_a_bot_trades_through_repeated_and_late_frames_and_fills_in_pieces(subject, tmp_path):
    """AC-43: with half of the private frames repeated, half of them behind their successors, and every fill in pieces,
    two lots are opened, covered and closed one after the other, and nothing is left.

    SCENARIOS.md 2, 7, 8 (RELIABILITY.md W2, W3).
    """
    faults = {"fault_duplicate_pct": Decimal(50), "fault_reorder_pct": Decimal(50), "partial_fill_pct": Decimal(80)}
    with open_floor(subject, tmp_path, **faults) as floor, floor.bot() as bot:
        for lots in (1, 2):
            entry = floor.entry(bot)
            until(lambda e=entry: floor.fall_through(e.price) or covered(bot) >= e.quantity, "the lot covered", 20)
            top = max(order.price for order in book(bot.status()).orders)
            until(
                lambda p=top, n=lots: floor.rise_through(p) or book(bot.status()).counters.lots_closed >= n,
                "the lot closed",
                20,
            )
        # the next entry may have been met by the last trades: its exit is on the way
        until(lambda: summary(bot.status())["unprotected_quantity"] == "0", "everything covered")
        assert Decimal(summary(bot.status())["realized_pnl"]) > 0


def covered(bot):
    """How much of the open lots working exits cover."""
    orders = book(bot.status()).orders
    return sum((order.quantity - order.filled for order in orders if order.is_working), Decimal(0))
