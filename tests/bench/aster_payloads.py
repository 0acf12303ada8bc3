"""The canned account of the measuring venue and its payloads, as Aster spells them (venues/aster.md sections 7 to
12)."""

import time
from decimal import Decimal

SYMBOL = "BTCUSDT"
BID, ASK = Decimal("59999.9"), Decimal("60000.0")
EXCHANGE_INFO = {
    "timezone": "UTC",
    "serverTime": 0,
    "futuresType": "U_MARGINED",
    "rateLimits": [],
    "exchangeFilters": [],
    "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "0"}],
    "symbols": [
        {
            "symbol": SYMBOL,
            "pair": SYMBOL,
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "pricePrecision": 1,
            "quantityPrecision": 3,
            "orderTypes": ["LIMIT", "MARKET"],
            "timeInForce": ["GTC", "IOC", "GTX"],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "1000000", "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
                {
                    "filterType": "PERCENT_PRICE",
                    "multiplierUp": "1.02",
                    "multiplierDown": "0.98",
                    "multiplierDecimal": "4",
                },
            ],
        }
    ],
}


def now_ms() -> int:
    """Wall milliseconds, as the protocol spells time."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - a stopwatch reads the clock


class Orders:
    """The account: orders by client id, the position, and the payloads that describe them."""

    def __init__(self) -> None:
        self.by_client_id: dict[str, dict[str, str]] = {}
        self.trades: list[dict[str, object]] = []
        self.position = Decimal(0)
        self._next_id = 40_000_000_000

    def place(self, parameters: dict[str, str]) -> dict[str, str]:
        """Book an order and return it."""
        self._next_id += 1
        order = {
            "id": str(self._next_id),
            "client": parameters["newClientOrderId"],
            "side": parameters["side"],
            "price": parameters.get("price", "0"),
            "quantity": parameters["quantity"],
            "filled": "0",
            "status": "NEW",
            "tif": parameters.get("timeInForce", "GTC"),
            "reduce": parameters.get("reduceOnly", "false"),
        }
        self.by_client_id[order["client"]] = order
        return order

    def fill(self, order: dict[str, str]) -> dict[str, object]:
        """Fill an order completely and return the stream event."""
        order["status"], order["filled"] = "FILLED", order["quantity"]
        quantity = Decimal(order["quantity"])
        self.position += quantity if order["side"] == "BUY" else -quantity
        stamp = now_ms()
        trade_id = len(self.trades) + 1
        self.trades.append(
            {
                "symbol": SYMBOL,
                "id": trade_id,
                "orderId": int(order["id"]),
                "side": order["side"],
                "price": order["price"],
                "qty": order["quantity"],
                "quoteQty": str(quantity * Decimal(order["price"])),
                "realizedPnl": "0",
                "marginAsset": "USDT",
                "commission": "0",
                "commissionAsset": "USDT",
                "time": stamp,
                "positionSide": "BOTH",
                "maker": True,
                "buyer": order["side"] == "BUY",
            }
        )
        return {
            "e": "ORDER_TRADE_UPDATE",
            "E": stamp,
            "T": stamp,
            "o": {
                "s": SYMBOL,
                "c": order["client"],
                "S": order["side"],
                "o": "LIMIT",
                "f": order["tif"],
                "q": order["quantity"],
                "p": order["price"],
                "ap": order["price"],
                "sp": "0",
                "x": "TRADE",
                "X": "FILLED",
                "i": int(order["id"]),
                "l": order["quantity"],
                "z": order["quantity"],
                "L": order["price"],
                "T": stamp,
                "t": trade_id,
                "b": "0",
                "a": "0",
                "m": True,
                "R": order["reduce"] == "true",
                "wt": "CONTRACT_PRICE",
                "ot": "LIMIT",
                "ps": "BOTH",
                "cp": False,
                "rp": "0",
            },
        }

    @staticmethod
    def rest_order(order: dict[str, str]) -> dict[str, object]:
        """An order as REST spells it."""
        return {
            "orderId": int(order["id"]),
            "symbol": SYMBOL,
            "status": order["status"],
            "clientOrderId": order["client"],
            "price": order["price"],
            "avgPrice": order["price"] if order["filled"] != "0" else "0.00000",
            "origQty": order["quantity"],
            "executedQty": order["filled"],
            "cumQty": order["filled"],
            "cumQuote": "0",
            "timeInForce": order["tif"],
            "type": "LIMIT",
            "reduceOnly": order["reduce"] == "true",
            "closePosition": False,
            "side": order["side"],
            "positionSide": "BOTH",
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": "LIMIT",
            "time": now_ms(),
            "updateTime": now_ms(),
        }


def canned(method: str, parameters: dict[str, str], position: Decimal) -> dict[str, object]:
    """Answers by the last part of the path."""
    account = {"totalMarginBalance": "10000", "availableBalance": "10000"}
    return {
        "ping": {},
        "account": account,
        "accountWithJoinMargin": account,
        "time": {"serverTime": now_ms()},
        "exchangeInfo": EXCHANGE_INFO,
        "bookTicker": {
            "symbol": SYMBOL,
            "bidPrice": str(BID),
            "bidQty": "5",
            "askPrice": str(ASK),
            "askQty": "5",
            "time": now_ms(),
        },
        "dual": {"dualSidePosition": False}
        if method == "GET"
        else {"code": -4059, "msg": "No need to change position side."},
        "marginType": {"code": 200, "msg": "success"},
        "leverage": {
            "leverage": int(parameters.get("leverage", "5")),
            "maxNotionalValue": "1000000",
            "symbol": SYMBOL,
        },
        "commissionRate": {"symbol": SYMBOL, "makerCommissionRate": "0", "takerCommissionRate": "0.0004"},
        "listenKey": {"listenKey": "k" * 64} if method == "POST" else {},
        "balance": [
            {
                "accountAlias": "a",
                "asset": "USDT",
                "balance": "10000",
                "crossWalletBalance": "10000",
                "crossUnPnl": "0",
                "availableBalance": "10000",
                "maxWithdrawAmount": "10000",
                "marginAvailable": True,
                "updateTime": now_ms(),
            }
        ],
        "positionRisk": [
            {
                "symbol": SYMBOL,
                "positionAmt": str(position),
                "entryPrice": "60000",
                "markPrice": "60000",
                "unRealizedProfit": "0",
                "liquidationPrice": "0",
                "leverage": "5",
                "maxNotionalValue": "1000000",
                "marginType": "cross",
                "isolatedMargin": "0",
                "isAutoAddMargin": "false",
                "positionSide": "BOTH",
                "updateTime": now_ms(),
            }
        ],
    }
