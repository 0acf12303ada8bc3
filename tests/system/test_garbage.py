"""Prices that cannot be and frames that mean nothing, on both streams of a running bot: it goes on as before."""

import json
from decimal import Decimal

import pytest

from actors.status import BotState, ConnectionPhase
from exchanges.simulated.faces.protocol import Frame
from exchanges.simulated.testing import RunningVenue, running_venue
from tests.system.loopback import SYMBOL, access_to, book, bot_settings, running_bot, state, until

BOOK = {"e": "bookTicker", "u": 9_000_000_000, "s": SYMBOL, "b": "60000", "B": "1", "a": "60000.1", "A": "1"}
ORDER = {
    "e": "ORDER_TRADE_UPDATE",
    "E": 1,
    "T": 1,
    "o": {"s": SYMBOL, "c": "g1c000010", "S": "BUY", "x": "TRADE", "X": "FILLED", "i": 1, "q": "0.01", "z": "0.01"},
}
NONSENSE = (
    "",
    "null",
    "[]",
    "42",
    "true",
    '"text"',
    "{",
    "{}",
    "not json at all",
    "<html><body>502 Bad Gateway</body></html>",
    '{"e": "somethingNew", "E": 1}',
    '{"e": ["a", "list"]}',
    '{"stream": "x", "data": null}',
    '{"result": null, "id": 1}',
    '{"a": 1, "a": 2}',
    '{"E": ' + "9" * 5000 + "}",
    "[" * 200_000,
    "\ud7ff\x00\x01\u202e",
)
PRICES = (
    {"b": "NaN"},
    {"a": "NaN"},
    {"b": "Infinity", "a": "Infinity"},
    {"b": "-60000"},
    {"b": "0", "a": "0"},
    {"b": "0"},
    {"b": "60001", "a": "60000"},
    {"b": "60000", "a": "60000"},
    {"b": "1e400"},
    {"b": ""},
    {"b": None},
    {"b": [1]},
    {"b": "60_000"},
    {"b": "\u0666\u0660"},
    {"s": "NOSUCHUSDT"},
    {"b": "1", "a": "1.1"},
    {"b": "900000000", "a": "900000000.1"},
)
REPORTS = (
    {"z": "NaN", "L": "60000", "l": "0.01", "t": 1},
    {"z": "-1", "L": "60000", "l": "-1", "t": 2},
    {"i": "not a number"},
    {"X": "NO_SUCH_STATUS"},
    {"S": "SIDEWAYS"},
    {"c": None},
    {"c": "x" * 10_000},
    {"q": "1e99999"},
    {"s": None},
)


def sessions(venue: RunningVenue, *, private: bool) -> tuple[int, ...]:
    def look(inside):
        mine = set(inside.face.private_sessions())
        everybody = [
            s for stream in list(inside.face.sessions.streams()) for s in inside.face.sessions.subscribers(stream)
        ]
        return tuple(sorted(mine if private else set(everybody) - mine))

    return venue.call(look)


def throw(venue: RunningVenue, texts: list[str], *, private: bool) -> None:
    targets = sessions(venue, private=private)
    assert targets, "nobody listens"
    for text in texts:
        for target in targets:
            venue.call(lambda inside, t=target, x=text: inside.send(Frame(session_id=t, text=x, is_private=False)))


def trade_once(bot, venue: RunningVenue, bid: str) -> None:
    """One whole cycle: an entry rests, fills, its exit rests, fills."""
    closed = book(bot.status()).counters.lots_closed
    venue.quote(SYMBOL, bid, str(Decimal(bid) + Decimal("0.1")))
    entry = until(
        lambda: (s := state(bot.status())) and s.pending and s.pending.accepted_ns and s.pending, "a resting entry"
    )
    venue.trade(SYMBOL, str(entry.price - 10), "50", buyer_is_maker=True)
    order = until(lambda: next((o for o in book(bot.status()).orders if o.is_working), None), "a working exit")
    venue.trade(SYMBOL, str(order.price + 10), "50", buyer_is_maker=False)
    until(lambda: book(bot.status()).counters.lots_closed == closed + 1, "the lot closed")


def test_nonsense_on_both_streams_stops_nothing(tmp_path) -> None:
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            until(lambda: bot.status().state is BotState.RUNNING, "running")
            until(lambda: book(bot.status()) is not None, "the grid is ready")
            trade_once(bot, venue, "60000")
            for private in (False, True):
                throw(venue, list(NONSENSE), private=private)
            until(lambda: bot.status().connections[0].phase is ConnectionPhase.LIVE, "the stream is live", 20)
            trade_once(bot, venue, "60010")
            status = bot.status()
            assert status.restarts == 0
            assert status.dead_letters == 0
            assert status.feeds[0].malformed > 0
            assert status.connections[0].malformed > 0
        assert venue.status()["violations"] == 0


def test_prices_that_cannot_be_move_nothing(tmp_path) -> None:
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            until(lambda: bot.status().state is BotState.RUNNING, "running")
            trade_once(bot, venue, "60000")
            throw(venue, [json.dumps({**BOOK, **change}) for change in PRICES], private=False)
            trade_once(bot, venue, "60010")
            quote = state(bot.status()).quote
            assert Decimal(59000) < quote.bid < quote.ask < Decimal(61000)
            assert bot.status().restarts == 0
        assert venue.status()["violations"] == 0


@pytest.mark.parametrize("change", REPORTS, ids=",".join)
def test_order_reports_that_cannot_be_change_nothing(tmp_path, change) -> None:
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            until(lambda: bot.status().state is BotState.RUNNING, "running")
            broken = json.dumps({**ORDER, "o": {**ORDER["o"], **change}})
            throw(venue, [broken, broken], private=True)
            until(lambda: bot.status().connections[0].phase is ConnectionPhase.LIVE, "the stream is live", 20)
            trade_once(bot, venue, "60010")
            assert bot.status().restarts == 0
            assert book(bot.status()).counters.lots_opened == 1
        assert venue.status()["violations"] == 0
        assert venue.status()["positions"].get(SYMBOL, "0") == "0"
