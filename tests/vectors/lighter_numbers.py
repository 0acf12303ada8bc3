"""Arithmetic: prices and sizes in units, leverage as a fraction, and how order numbers are made."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from exchanges.errors import MalformedMessage
from exchanges.lighter import markets
from exchanges.lighter.markets import Market, margin_fraction
from tests.vectors.cases import Case, Wrong, decimal_of, need, same, text_of, whole_of

_STEP: Final = 2**48
_QUOTE: Final = Decimal("0.000001")
_MINIMUM: Final = Decimal(10)
_MARKETS: Final = {
    "ETH": (0, 4, 2, "0.0050"),
    "BTC": (1, 5, 1, "0.00010"),
    "SOL": (2, 3, 3, "0.100"),
    "HYPE": (24, 2, 4, "0.15"),
    "CRV": (36, 1, 5, "35.0"),
}
"""Section 3: symbol -> number, decimals of size and price, minimum."""


def _market(row: dict[str, object]) -> Market:
    """The market of a case, read by our parser."""
    try:
        return markets.market(
            {
                "symbol": row["symbol"],
                "market_id": row["market_id"],
                "market_type": "perp",
                "status": "active",
                "size_decimals": row["size_decimals"],
                "price_decimals": row["price_decimals"],
                "min_base_amount": row["min_base_amount"],
                "min_quote_amount": row["min_quote_amount"],
                "min_initial_margin_fraction": 500,
            }
        )
    except MalformedMessage as error:
        raise Wrong(f"unreadable market: {error.text}") from None


class NumberChecks:
    """Checks of sections that hold nothing but numbers."""

    def conversion(self, case: Case) -> None:
        """Check one price and size."""
        keys = ("symbol", "market_id", "size_decimals", "price_decimals", "min_base_amount", "min_quote_amount")
        row = need(case.data, *keys, "notional", "base_amount", "price_int", "maker_minimum_ok")
        market = _market(dict(row))
        size, price = decimal_of(row, "size"), decimal_of(row, "price")
        try:
            ours = (market.size_to_wire(size), market.price_to_wire(price))
        except ValueError as error:
            raise Wrong(str(error)) from None
        same("base_amount, price_int", ours, (whole_of(row, "base_amount"), whole_of(row, "price_int")))
        same("notional", str((size * price).quantize(_QUOTE)), text_of(row, "notional"))
        rules = market.rules
        is_enough = size >= rules.min_quantity and size * price >= rules.min_notional
        same("maker_minimum_ok", is_enough, row["maker_minimum_ok"])
        decimals = (-market.rules.step.as_tuple().exponent, -market.rules.tick.as_tuple().exponent)  # type: ignore[operator]
        _check_known(row)
        same("decimals", decimals, (whole_of(row, "size_decimals"), whole_of(row, "price_decimals")))
        # The venue writes amounts with all their decimals.
        for key, places in (("size", decimals[0]), ("price", decimals[1]), ("min_base_amount", decimals[0])):
            same(f"decimals of {key}", len(text_of(row, key).partition(".")[2]), places)

    def leverage(self, case: Case) -> None:
        """Check one leverage."""
        row = need(case.data, "leverage", "initial_margin_fraction")
        same("fraction", margin_fraction(whole_of(row, "leverage")), whole_of(row, "initial_margin_fraction"))

    def order_index(self, case: Case) -> None:
        """Check one number of an order (section 10: asks count up from a market's base, bids down from the next)."""
        row = need(case.data, "is_ask", "order_index", "order_object_nonce")
        market, k = whole_of(row, "market_index"), whole_of(row, "k")
        index = (market + 1) * _STEP + k if row["is_ask"] else (market + 2) * _STEP - k
        same("is_ask", isinstance(row["is_ask"], bool), True)
        same("order_index", index, whole_of(row, "order_index"))
        same("order_object_nonce", index - (market + 1) * _STEP, whole_of(row, "order_object_nonce"))


def _check_known(row: Mapping[str, Any]) -> None:
    """A market whose symbol or number is one of the note's must be that market in everything."""
    own = (text_of(row, "symbol"), whole_of(row, "market_id"))
    for symbol, (number, sizes, prices, least) in _MARKETS.items():
        if symbol in own or number in own:
            same("market", own, (symbol, number))
            found = (row["size_decimals"], row["price_decimals"], row["min_base_amount"])
            same(f"what is known of {symbol}", found, (sizes, prices, least))
    same("min_quote_amount", decimal_of(row, "min_quote_amount"), _MINIMUM)
