"""Which path is answered by what: the table of the simulated Lighter's REST reads.

Source: venues/lighter.md 4 (weights), 13 (paths, auth).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exchanges.simulated.faces.lighter.account_data import AccountData
from exchanges.simulated.faces.lighter.market_data import MarketData
from exchanges.simulated.faces.lighter.parameters import Params

DEFAULT_WEIGHT: Final = 300

Handler = Callable[[Params, int], object]
"""(parameters, now_ns) -> JSON-ready body. Raises VenueRefusal."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path below `/api/v1/`. `needs_token`: always, or only where the query names an account."""

    handler: Handler
    weight: int = DEFAULT_WEIGHT
    needs_token: bool = False
    token_with_account: bool = False


def build_routes(market: MarketData, account: AccountData) -> dict[str, Route]:
    """Return the reads by name."""
    return {
        "orderBooks": Route(market.order_books),
        "orderBookDetails": Route(market.order_book_details),
        "orderBookOrders": Route(market.order_book_orders),
        "recentTrades": Route(market.recent_trades, 600),
        "candles": Route(market.candles),
        "exchangeStats": Route(market.exchange_stats),
        "assetDetails": Route(market.asset_details),
        "funding-rates": Route(market.funding_rates),
        "nextNonce": Route(account.next_nonce, 6),
        "apikeys": Route(account.api_keys, 150),
        "account": Route(account.account),
        "accountLimits": Route(account.account_limits, needs_token=True),
        "accountActiveOrders": Route(account.active_orders, needs_token=True),
        "accountInactiveOrders": Route(account.inactive_orders, 100, needs_token=True),
        "accountOrders": Route(account.orders_by_client, needs_token=True),
        "trades": Route(account.trades, 600, token_with_account=True),
        "tx": Route(account.tx),
        "accountTxs": Route(account.account_txs, needs_token=True),
    }
