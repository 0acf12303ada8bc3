"""One Aster file: what several sections refer to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exchanges.aster.markets import SymbolFilters, symbol_filters
from exchanges.aster.signing import WalletKey
from exchanges.errors import MalformedMessage
from exchanges.secrets import Secret
from tests.vectors.cases import META, Wrong, need, text_of, whole_of

FILTER_KEYS = (
    "symbol",
    "pricePrecision",
    "quantityPrecision",
    "tickSize",
    "minPrice",
    "maxPrice",
    "stepSize",
    "minQty",
    "maxQty",
    "marketMaxQty",
    "notional",
    "multiplierUp",
    "multiplierDown",
    "maxNumOrders",
)


@dataclass(frozen=True, slots=True)
class AsterFile:
    """Look-ups into a decoded file. Each raises `Wrong` where what is asked for is not there."""

    document: Mapping[str, Any]

    def section(self, name: str) -> Any:
        """Return a section."""
        if name not in self.document:
            raise Wrong(f"the file has no section {name}")
        return self.document[name]

    def credentials(self, auth: str) -> Mapping[str, Any]:
        """Return the credentials of `v1` or `v3`."""
        return need(need(self.section("credentials"), auth)[auth])

    def wallet(self) -> WalletKey:
        """Return the signer's key."""
        try:
            return WalletKey(Secret(text_of(self.credentials("v3"), "signer_private_key")))
        except ValueError as error:
            raise Wrong(f"credentials.v3.signer_private_key: {error}") from None

    def chain_ids(self) -> tuple[int, int]:
        """Return the chain ids of the main and the test network."""
        domain = need(need(self.section("eip712"), "domain")["domain"])
        return whole_of(domain, "chainId_mainnet"), whole_of(domain, "chainId_testnet")

    def recv_window_ms(self) -> int:
        """Return the V1 window that the vectors were made with."""
        return whole_of(need(need(self.document[META], "fixed")["fixed"]), "recvWindow")

    def vector(self, name: str) -> Mapping[str, Any]:
        """Return the request vector of that name."""
        for section in ("request_vectors_v3", "request_vectors_v1"):
            for row in self.document.get(section, ()):
                if isinstance(row, Mapping) and row.get("name") == name:
                    return row
        raise Wrong(f"no request vector is named {name!r}")

    def filters(self) -> dict[str, SymbolFilters]:
        """Return the rules of every market in the file, read by our parser of exchangeInfo."""
        found = {}
        for key, section in self.document.items():
            if key.startswith("symbol_filters"):
                found |= {symbol: read_filters(need(row)) for symbol, row in need(section).items()}
        if not found:
            raise Wrong("the file has no symbol filters")
        return found

    def filters_of(self, data: Mapping[str, Any]) -> SymbolFilters:
        """Return the rules of the market a case names."""
        symbol = text_of(data, "symbol")
        found = self.filters().get(symbol)
        if found is None:
            raise Wrong(f"the file has no filters of {symbol}")
        return found


def read_filters(row: Mapping[str, Any]) -> SymbolFilters:
    """Return a flat row of figures as rules, by way of the exchangeInfo shape it was taken from."""
    need(row, *FILTER_KEYS)
    lot = {"minQty": row["minQty"], "stepSize": row["stepSize"]}
    try:
        return symbol_filters(
            {
                "symbol": row["symbol"],
                "status": "TRADING",
                "baseAsset": "BASE",
                "quoteAsset": "QUOTE",
                "pricePrecision": row["pricePrecision"],
                "quantityPrecision": row["quantityPrecision"],
                "filters": [
                    {"filterType": "PRICE_FILTER", **{key: row[key] for key in ("minPrice", "maxPrice", "tickSize")}},
                    {"filterType": "LOT_SIZE", "maxQty": row["maxQty"], **lot},
                    {"filterType": "MARKET_LOT_SIZE", "maxQty": row["marketMaxQty"], **lot},
                    {"filterType": "MAX_NUM_ORDERS", "limit": row["maxNumOrders"]},
                    {"filterType": "MIN_NOTIONAL", "notional": row["notional"]},
                    {
                        "filterType": "PERCENT_PRICE",
                        "multiplierUp": row["multiplierUp"],
                        "multiplierDown": row["multiplierDown"],
                    },
                ],
            }
        )
    except MalformedMessage as error:
        raise Wrong(f"unreadable filters: {error.text}") from None
