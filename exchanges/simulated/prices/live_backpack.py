"""Backpack's public feed for `LivePrices` (venues/backpack.md, sections 10 and 11).

One address; what is wanted is said after connecting and never acknowledged. A top without one of its sides is left out:
there is nothing to trade against.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices import Tick
from exchanges.simulated.prices.live import Dialect, UnreadableFrame, one_row, read_number, read_text

BACKPACK_STREAM_URL: Final = "wss://ws.backpack.exchange"


def subscription(symbols: Sequence[str]) -> tuple[str, ...]:
    """Return the frame that asks for quotes and trades."""
    names = [f"{kind}.{symbol}" for symbol in symbols for kind in ("bookTicker", "trade")]
    return (json.dumps({"method": "SUBSCRIBE", "params": names}),)


def parse_frame(frame: str | bytes) -> Tick | None:
    """Return the quote or trade in one frame, None for anything else.

    Raises:
        UnreadableFrame: not JSON, or a quote or trade with a missing or impossible field.
    """
    try:
        message = json.loads(frame, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UnreadableFrame(f"not JSON: {error}") from None
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, dict):
        return None
    if data.get("e") == "bookTicker":
        if data.get("b") is None or data.get("a") is None:
            return None
        bid, bid_qty, ask, ask_qty = (read_number(data, key) for key in ("b", "B", "a", "A"))
        return QuoteTick(read_text(data, "s"), bid, bid_qty, ask, ask_qty)
    if data.get("e") == "trade":
        maker = data.get("m")
        if not isinstance(maker, bool):
            raise UnreadableFrame(f"m is {maker!r}, not a boolean")
        return TradeTick(read_text(data, "s"), read_number(data, "p"), read_number(data, "q"), maker)
    return None


BACKPACK_FEED: Final = Dialect(
    base_url=BACKPACK_STREAM_URL, url=lambda base_url, _: base_url, hello=subscription, parse=one_row(parse_frame)
)
