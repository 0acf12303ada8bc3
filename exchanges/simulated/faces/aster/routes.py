"""The table of endpoints: method, name, handler, security, weight, versions.

Source: venues/aster.md 5.3 (weights), 9, 10, 12.1 and 15.1. Version 1 has some endpoints under 2 and 4 instead (4).
"""

import json
from typing import TYPE_CHECKING

from exchanges.simulated.engine import Engine
from exchanges.simulated.faces.aster.account import AccountEndpoints
from exchanges.simulated.faces.aster.endpoints import Endpoint, Params, Security
from exchanges.simulated.faces.aster.markets import AsterMarket
from exchanges.simulated.faces.aster.orders import OrderEndpoints

if TYPE_CHECKING:
    from exchanges.simulated.faces.aster.face import AsterFace

Routes = dict[tuple[str, str], Endpoint]
_ALL_SYMBOLS_WEIGHT = 40


def build_routes(face: "AsterFace", engine: Engine, markets: dict[str, AsterMarket]) -> Routes:
    """Return every endpoint of the face by method and name."""
    orders = OrderEndpoints(engine, face.account, markets, face.modes)
    account = AccountEndpoints(
        engine,
        face.account,
        markets,
        face.modes,
        face.user_stream.config_changed,
    )
    endpoints = [*_public(face), *_trading(orders), *_account(account), *_switches(account), *_listen_key(face)]
    return {(endpoint.method, endpoint.name): endpoint for endpoint in endpoints}


def _public(face: "AsterFace") -> list[Endpoint]:
    market = face.market

    def get(name: str, handler: object, weight: object = 1) -> Endpoint:
        return Endpoint(method="GET", name=name, handler=handler, weight=weight, security=Security.NONE)  # type: ignore[arg-type]

    return [
        get("ping", market.ping),
        get("time", market.time),
        get("exchangeInfo", market.exchange_info),
        get("depth", market.depth, _depth_weight),
        get("trades", market.trades),
        get("aggTrades", market.agg_trades, 20),
        get("klines", market.klines, _klines_weight),
        get("ticker/bookTicker", market.book_ticker, lambda params: 1 if params.get("symbol") else 2),
        get("ticker/price", market.price, lambda params: 1 if params.get("symbol") else 2),
        get("ticker/24hr", market.day, lambda params: 1 if params.get("symbol") else _ALL_SYMBOLS_WEIGHT),
        get("premiumIndex", market.premium_index),
        get("fundingRate", market.funding_rate),
        get("fundingInfo", market.funding_info),
    ]


def _trading(orders: OrderEndpoints) -> list[Endpoint]:
    return [
        Endpoint(method="POST", name="order", handler=orders.place, orders=1),
        Endpoint(method="POST", name="order/test", handler=orders.test),
        Endpoint(method="PUT", name="order", handler=orders.amend, orders=1),
        Endpoint(method="DELETE", name="order", handler=orders.cancel),
        Endpoint(method="GET", name="order", handler=orders.query),
        Endpoint(method="GET", name="openOrder", handler=orders.query_open),
        Endpoint(method="GET", name="openOrders", handler=orders.open_orders, weight=_open_orders_weight),
        Endpoint(method="GET", name="allOrders", handler=orders.all_orders, weight=5),
        Endpoint(method="GET", name="userTrades", handler=orders.user_trades, weight=5),
        Endpoint(method="DELETE", name="allOpenOrders", handler=orders.cancel_all),
        Endpoint(method="POST", name="countdownCancelAll", handler=orders.countdown, weight=10),
        Endpoint(method="POST", name="batchOrders", handler=orders.place_batch, weight=5, orders=_batch_size),
        Endpoint(method="PUT", name="batchOrders", handler=orders.amend_batch, weight=5, orders=_batch_size),
        Endpoint(method="DELETE", name="batchOrders", handler=orders.cancel_batch),
    ]


def _account(account: AccountEndpoints) -> list[Endpoint]:
    return [
        Endpoint(method="GET", name="balance", handler=account.balance, weight=5, versions=(2, 3)),
        Endpoint(method="GET", name="positionRisk", handler=account.position_risk, weight=5, versions=(2, 3)),
        Endpoint(method="GET", name="account", handler=account.account, weight=5, versions=(2, 3, 4)),
        Endpoint(method="GET", name="accountWithJoinMargin", handler=account.account, weight=5, versions=(3, 4)),
        Endpoint(method="GET", name="commissionRate", handler=account.commission_rate, weight=20),
        Endpoint(method="GET", name="income", handler=account.income, weight=30),
        Endpoint(method="GET", name="leverageBracket", handler=account.leverage_bracket),
        Endpoint(method="GET", name="leverageBrackets", handler=account.leverage_bracket),
    ]


def _switches(account: AccountEndpoints) -> list[Endpoint]:
    return [
        Endpoint(method="POST", name="leverage", handler=account.set_leverage),
        Endpoint(method="POST", name="marginType", handler=account.set_margin_type),
        Endpoint(method="POST", name="positionSide/dual", handler=account.set_position_mode),
        Endpoint(method="GET", name="positionSide/dual", handler=account.position_mode, weight=30),
        Endpoint(method="POST", name="multiAssetsMargin", handler=account.set_multi_assets),
        Endpoint(method="GET", name="multiAssetsMargin", handler=account.multi_assets, weight=30),
        Endpoint(method="POST", name="stpMode", handler=account.set_stp_mode),
        Endpoint(method="GET", name="stpMode", handler=account.stp_mode, weight=30),
        Endpoint(method="POST", name="noop", handler=account.noop, versions=(3,)),
    ]


def _listen_key(face: "AsterFace") -> list[Endpoint]:
    stream = Security.STREAM
    return [
        Endpoint(method="POST", name="listenKey", handler=face.create_listen_key, security=stream),
        Endpoint(method="PUT", name="listenKey", handler=face.extend_listen_key, security=stream),
        Endpoint(method="DELETE", name="listenKey", handler=face.end_listen_key, security=stream),
    ]


def _limit(params: Params, default: int) -> int:
    word = params.get("limit", "")
    return int(word) if word.isascii() and word.isdigit() else default


def _depth_weight(params: Params) -> int:
    limit = _limit(params, 500)
    return next((weight for most, weight in ((50, 2), (100, 5), (500, 10)) if limit <= most), 20)


def _klines_weight(params: Params) -> int:
    limit = _limit(params, 500)
    return next((weight for most, weight in ((99, 1), (499, 2), (1000, 5)) if limit <= most), 10)


def _open_orders_weight(params: Params) -> int:
    return 1 if params.get("symbol") else _ALL_SYMBOLS_WEIGHT


def _batch_size(params: Params) -> int:
    try:
        items = json.loads(params.get("batchOrders", "[]"))
    except (ValueError, RecursionError):
        return 0
    return len(items) if isinstance(items, list) else 0
