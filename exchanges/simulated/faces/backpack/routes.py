"""The table of endpoints: method, path, handler, instruction, budget.

Source: venues/backpack.md 3.5 (instructions), 4.3 (budgets), 5 to 9 and 16.
"""

from typing import Final

from exchanges.simulated.faces.backpack.account import AccountEndpoints
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.endpoints import Endpoint, Handler, history
from exchanges.simulated.faces.backpack.history import HistoryEndpoints
from exchanges.simulated.faces.backpack.market_data import MarketEndpoints, kline_bucket
from exchanges.simulated.faces.backpack.orders import OrderEndpoints

Routes = dict[tuple[str, str], Endpoint]
_API: Final = "/api/v1/"
_WAPI: Final = "/wapi/v1/"


def build_routes(context: Context, market: MarketEndpoints) -> Routes:
    """Return every endpoint of the face by method and path."""
    endpoints = [
        *_public(market),
        *_trading(OrderEndpoints(context)),
        *_account(AccountEndpoints(context)),
        *_history(HistoryEndpoints(context)),
    ]
    return {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}


def _signed(method: str, path: str, handler: Handler, instruction: str) -> Endpoint:
    return Endpoint(method=method, path=path, handler=handler, instruction=instruction)


def _public(market: MarketEndpoints) -> list[Endpoint]:
    def get(name: str, handler: Handler) -> Endpoint:
        return Endpoint(method="GET", path=f"{_API}{name}", handler=handler)

    return [
        get("status", market.status),
        get("ping", market.ping),
        get("time", market.time),
        get("markets", market.markets),
        get("market", market.market),
        get("assets", market.assets),
        get("securities", market.nothing),
        get("borrowLend/markets", market.nothing),
        get("depth", market.depth),
        get("ticker", market.ticker),
        get("tickers", market.tickers),
        get("markPrices", market.mark_prices),
        get("openInterest", market.open_interest),
        get("fundingRates", market.funding_rates),
        get("trades", market.trades),
        Endpoint(method="GET", path=f"{_API}trades/history", handler=market.old_trades, bucket=history),
        Endpoint(method="GET", path=f"{_API}klines", handler=market.klines, bucket=kline_bucket),
    ]


def _trading(orders: OrderEndpoints) -> list[Endpoint]:
    order, several = f"{_API}order", f"{_API}orders"
    return [
        _signed("POST", order, orders.place, "orderExecute"),
        _signed("GET", order, orders.query, "orderQuery"),
        _signed("DELETE", order, orders.cancel, "orderCancel"),
        _signed("GET", several, orders.open_orders, "orderQueryAll"),
        _signed("DELETE", several, orders.cancel_all, "orderCancelAll"),
        Endpoint(
            method="POST",
            path=several,
            handler=orders.place_batch,
            instruction="orderExecute",
            takes_array=True,
        ),
    ]


def _account(account: AccountEndpoints) -> list[Endpoint]:
    limits: list[tuple[str, Handler, str]] = [
        ("order", account.order_limit, "maxOrderQuantity"),
        ("borrow", account.borrow_limit, "maxBorrowQuantity"),
        ("withdrawal", account.withdrawal_limit, "maxWithdrawalQuantity"),
    ]
    return [
        _signed("GET", f"{_API}account", account.account, "accountQuery"),
        _signed("PATCH", f"{_API}account", account.update, "accountUpdate"),
        _signed("GET", f"{_API}capital", account.capital, "balanceQuery"),
        _signed("GET", f"{_API}capital/collateral", account.collateral, "collateralQuery"),
        _signed("GET", f"{_API}position", account.positions, "positionQuery"),
        _signed("GET", f"{_API}borrowLend/positions", account.no_loans, "borrowLendPositionQuery"),
        *(_signed("GET", f"{_API}account/limits/{name}", handler, word) for name, handler, word in limits),
    ]


def _history(rows: HistoryEndpoints) -> list[Endpoint]:
    def get(name: str, handler: Handler, instruction: str) -> Endpoint:
        return Endpoint(
            method="GET",
            path=f"{_WAPI}history/{name}",
            handler=handler,
            instruction=instruction,
            bucket=history,
        )

    return [
        get("orders", rows.orders, "orderHistoryQueryAll"),
        get("fills", rows.fills, "fillHistoryQueryAll"),
        get("funding", rows.funding, "fundingHistoryQueryAll"),
        get("settlement", rows.nothing, "settlementHistoryQueryAll"),
        get("interest", rows.nothing, "interestHistoryQueryAll"),
    ]
