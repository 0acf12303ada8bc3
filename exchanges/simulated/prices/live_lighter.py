"""Lighter's public feed for `LivePrices` (venues/lighter.md, sections 3, 12 and 14).

Channels go by a market's number, which differs between deployments. So the statistics of all markets are asked for
first, once: their snapshot names number and symbol of each. Quotes and prints of the wanted markets follow. A snapshot
of prints repeats old ones and is left out, and so is a top without one of its sides.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices import Tick
from exchanges.simulated.prices.live import Dialect, UnreadableFrame, read_number

LIGHTER_STREAM_URL: Final = "wss://mainnet.zklighter.elliot.ai"
_ALL_STATS: Final = "market_stats/all"
_PONG: Final = json.dumps({"type": "pong"})


def _frame(kind: str, channel: str) -> str:
    return json.dumps({"type": kind, "channel": channel})


def _decode(frame: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(frame, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UnreadableFrame(f"not JSON: {error}") from None
    return message if isinstance(message, dict) else {}


def _part(message: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = message.get(key)
    if not isinstance(value, dict):
        raise UnreadableFrame(f"{key} is {value!r:.60}, not an object")
    return value


class LighterFeed:
    """One connection after the other of one `LivePrices`; remembers which number is which market."""

    def __init__(self) -> None:
        self._wanted: frozenset[str] = frozenset()
        self._symbols: dict[int, str] = {}

    def hello(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Return the frame that asks which markets there are; called for every connection."""
        self._wanted = frozenset(symbols)
        self._symbols = {}
        return (_frame("subscribe", _ALL_STATS),)

    def answer(self, frame: str | bytes) -> tuple[str, ...]:
        """Return the subscriptions once the markets are known, and a pong for the venue's own ping.

        Raises:
            UnreadableFrame: the markets cannot be read, or a wanted one is not among them.
        """
        message = _decode(frame)
        if message.get("type") == "ping":
            return (_PONG,)
        if message.get("type") != "subscribed/market_stats" or self._symbols:
            return ()
        self._symbols = dict(self._named(_part(message, "market_stats")))
        missing = self._wanted - set(self._symbols.values())
        channels = [f"{kind}/{number}" for number in self._symbols for kind in ("ticker", "trade")]
        if missing:
            raise UnreadableFrame(f"the venue has no market {', '.join(sorted(missing))}")
        return (_frame("unsubscribe", _ALL_STATS), *(_frame("subscribe", channel) for channel in channels))

    def _named(self, stats: Mapping[str, Any]) -> list[tuple[int, str]]:
        found = []
        for key, row in stats.items():
            symbol = row.get("symbol") if isinstance(row, dict) else None
            if symbol in self._wanted and key.isascii() and key.isdigit():
                found.append((int(key), symbol))
        return found

    def parse(self, frame: str | bytes) -> tuple[Tick, ...]:
        """Return the quotes and trades in one frame, none for anything else.

        Raises:
            UnreadableFrame: not JSON, or a quote or trade with a missing or impossible field.
        """
        message = _decode(frame)
        family, _, number = str(message.get("channel", "")).partition(":")
        symbol = self._symbols.get(int(number)) if number.isascii() and number.isdigit() else None
        if symbol is None:
            return ()
        if family == "ticker":
            return _quote(symbol, _part(message, "ticker"))
        if message.get("type") == "update/trade":
            return tuple(_print(symbol, row) for row in message.get("trades") or ())
        return ()


def _quote(symbol: str, ticker: Mapping[str, Any]) -> tuple[Tick, ...]:
    bid, ask = _part(ticker, "b"), _part(ticker, "a")
    if not bid.get("price") or not ask.get("price"):
        return ()
    sides = (read_number(bid, "price"), read_number(bid, "size"), read_number(ask, "price"), read_number(ask, "size"))
    return (QuoteTick(symbol, *sides),)


def _print(symbol: str, row: object) -> TradeTick:
    trade = row if isinstance(row, dict) else {}
    is_maker_ask = trade.get("is_maker_ask")
    if not isinstance(is_maker_ask, bool):
        raise UnreadableFrame(f"is_maker_ask is {is_maker_ask!r}, not a boolean")
    return TradeTick(symbol, read_number(trade, "price"), read_number(trade, "size"), not is_maker_ask)


def lighter_feed() -> Dialect:
    """Return the dialect for one `LivePrices`."""
    feed = LighterFeed()
    return Dialect(
        base_url=LIGHTER_STREAM_URL,
        url=lambda base_url, _: f"{base_url.rstrip('/')}/stream",
        hello=feed.hello,
        parse=feed.parse,
        answer=feed.answer,
    )
