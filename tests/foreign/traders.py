"""Other people's clients behind one small face, so that the same round can be traded with each of them.

A trader is made from what a line of `run.py --serve` says: address and credentials. Prices and quantities are as the
client reads them.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from tests.foreign import clients


@dataclass(frozen=True)
class Fill:
    """One fill as the client tells it."""

    side: str
    price: Decimal
    quantity: Decimal
    is_maker: bool


class Trader(Protocol):
    """The verbs of a desk. `side` is 'buy' or 'sell'; `number` is the client's own id of the order."""

    def load_markets(self) -> tuple[Decimal, Decimal]:
        """Read the markets; return price step and quantity step of the one that is traded."""
        ...

    def place(self, number: int, side: str, price: str, quantity: str, *, reduce_only: bool = False) -> None:
        """Place a post-only order. One that would take is refused in the venue's own way, or raises."""
        ...

    def open_orders(self) -> list[tuple[str, Decimal]]:
        """Return side and price of every open order."""
        ...

    def cancel(self) -> None:
        """Cancel the open order by its id."""
        ...

    def fills(self) -> list[Fill]:
        """Return the fills, oldest first."""
        ...

    def position(self) -> Decimal:
        """Return the position, negative where it is short."""
        ...


class CcxtTrader:
    """Any class of ccxt."""

    def __init__(self, client: Any, market: str) -> None:
        self._client = client
        self._market = market

    def load_markets(self) -> tuple[Decimal, Decimal]:
        precision = self._client.load_markets()[self._market]["precision"]
        return _decimal(precision["price"]), _decimal(precision["amount"])

    def place(self, number: int, side: str, price: str, quantity: str, *, reduce_only: bool = False) -> None:
        options = {"postOnly": True, "clientOrderId": number} | ({"reduceOnly": True} if reduce_only else {})
        self._client.create_order(self._market, "limit", side, float(quantity), float(price), options)

    def open_orders(self) -> list[tuple[str, Decimal]]:
        return [(row["side"], _decimal(row["price"])) for row in self._client.fetch_open_orders(self._market)]

    def cancel(self) -> None:
        (order,) = self._client.fetch_open_orders(self._market)
        self._client.cancel_order(order["id"], self._market)

    def fills(self) -> list[Fill]:
        rows = sorted(self._client.fetch_my_trades(self._market), key=lambda row: row["timestamp"])
        return [
            Fill(row["side"], _decimal(row["price"]), _decimal(row["amount"]), row["takerOrMaker"] == "maker")
            for row in rows
        ]

    def position(self) -> Decimal:
        signs = {"long": 1, "short": -1}
        rows = [row for row in self._client.fetch_positions([self._market]) if row["contracts"]]
        return sum((signs[row["side"]] * _decimal(row["contracts"]) for row in rows), Decimal(0))


class BpxTrader:
    """bpx-py's Account and Public. They never raise: an error is the venue's body."""

    SYMBOL = "BTC_USDC_PERP"

    def __init__(self, rest: str, credentials: Mapping[str, Any]) -> None:
        self._account = clients.bpx_account(rest, credentials)
        self._public = clients.bpx_public(rest)

    def load_markets(self) -> tuple[Decimal, Decimal]:
        (market,) = [row for row in self._public.get_markets() if row["symbol"] == self.SYMBOL]
        return Decimal(market["filters"]["price"]["tickSize"]), Decimal(market["filters"]["quantity"]["stepSize"])

    def place(self, number: int, side: str, price: str, quantity: str, *, reduce_only: bool = False) -> None:
        reply = self._account.execute_order(
            self.SYMBOL,
            "Bid" if side == "buy" else "Ask",
            "Limit",
            "GTC",
            quantity=quantity,
            price=price,
            client_id=number,
            post_only=True,
            **({"reduce_only": True} if reduce_only else {}),
        )
        if "code" in reply:
            raise RuntimeError(reply["message"])

    def open_orders(self) -> list[tuple[str, Decimal]]:
        rows = self._account.get_open_orders(symbol=self.SYMBOL)
        return [(_SIDES[row["side"]], Decimal(row["price"])) for row in rows]

    def cancel(self) -> None:
        (order,) = self._account.get_open_orders(symbol=self.SYMBOL)
        assert self._account.cancel_order(self.SYMBOL, order_id=order["id"])["status"] == "Cancelled"

    def fills(self) -> list[Fill]:
        rows = reversed(self._account.get_fill_history(self.SYMBOL))
        return [
            Fill(_SIDES[row["side"]], Decimal(row["price"]), Decimal(row["quantity"]), row["isMaker"]) for row in rows
        ]

    def position(self) -> Decimal:
        rows = self._account.get_open_positions()
        return sum((Decimal(row["netQuantity"]) for row in rows if row["symbol"] == self.SYMBOL), Decimal(0))


_SIDES = {"Bid": "buy", "Ask": "sell"}


class LighterSdkTrader:
    """lighter-sdk's SignerClient, OrderApi and AccountApi. Every method is a conversation of its own: the clients are
    made on the loop they are used on.
    """

    def __init__(self, rest: str, credentials: Mapping[str, Any]) -> None:
        self._rest = rest
        self._given = credentials
        self._market = 0
        self._decimals = (0, 0)
        self._sdk = clients.lighter_sdk()

    def load_markets(self) -> tuple[Decimal, Decimal]:
        async def work(signer: Any) -> Any:
            return await self._sdk.OrderApi(signer.api_client).order_book_details()

        (market,) = [row for row in self._talk(work).order_book_details if row.symbol == "BTC"]
        self._market, self._decimals = market.market_id, (market.price_decimals, market.size_decimals)
        price, size = self._decimals
        return Decimal(1).scaleb(-price), Decimal(1).scaleb(-size)

    def place(self, number: int, side: str, price: str, quantity: str, *, reduce_only: bool = False) -> None:
        price_decimals, size_decimals = self._decimals

        async def work(signer: Any) -> Any:
            return await signer.create_order(
                market_index=self._market,
                client_order_index=number,
                base_amount=int(Decimal(quantity).scaleb(size_decimals)),
                price=int(Decimal(price).scaleb(price_decimals)),
                is_ask=side == "sell",
                order_type=signer.ORDER_TYPE_LIMIT,
                time_in_force=signer.ORDER_TIME_IN_FORCE_POST_ONLY,
                reduce_only=reduce_only,
            )

        _, _, error = self._talk(work)
        assert error is None, error

    def open_orders(self) -> list[tuple[str, Decimal]]:
        return [("sell" if row.is_ask else "buy", Decimal(row.price)) for row in self._active()]

    def cancel(self) -> None:
        (order,) = self._active()

        async def work(signer: Any) -> Any:
            return await signer.cancel_order(market_index=self._market, order_index=order.client_order_index)

        _, _, error = self._talk(work)
        assert error is None, error

    def fills(self) -> list[Fill]:
        async def work(signer: Any) -> Any:
            return await self._sdk.OrderApi(signer.api_client).trades(
                sort_by="timestamp", limit=50, authorization=self._token(signer), account_index=self._account
            )

        return [self._fill(row) for row in reversed(self._talk(work).trades)]

    def position(self) -> Decimal:
        async def work(signer: Any) -> Any:
            return await self._sdk.AccountApi(signer.api_client).account(by="index", value=str(self._account))

        rows = self._talk(work).accounts[0].positions
        return sum((row.sign * Decimal(row.position) for row in rows if row.symbol == "BTC"), Decimal(0))

    @property
    def _account(self) -> int:
        return int(self._given["account_index"])

    def _fill(self, row: Any) -> Fill:
        sells = row.ask_account_id == self._account
        side = "sell" if sells else "buy"
        return Fill(side, Decimal(row.price), Decimal(row.size), row.is_maker_ask is sells)

    def _active(self) -> list[Any]:
        async def work(signer: Any) -> Any:
            return await self._sdk.OrderApi(signer.api_client).account_active_orders(
                authorization=self._token(signer), account_index=self._account
            )

        return list(self._talk(work).orders or [])

    def _token(self, signer: Any) -> str:
        token, error = signer.create_auth_token_with_expiry(api_key_index=int(self._given["api_key_index"]))
        assert error is None, error
        return str(token)

    def _talk(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        keys = {int(self._given["api_key_index"]): str(self._given["private_key"])}

        async def converse() -> Any:
            signer = self._sdk.SignerClient(self._rest, self._account, keys)
            try:
                return await work(signer)
            finally:
                await signer.api_client.close()

        return clients.on_a_loop(converse)


def _decimal(number: float | str) -> Decimal:
    return Decimal(str(number))


@contextmanager
def _ccxt_trader(made: AbstractContextManager[Any], market: str) -> Iterator[Trader]:
    with made as client:
        yield CcxtTrader(client, market)


def trader(name: str, rest: str, credentials: Mapping[str, Any]) -> AbstractContextManager[Trader]:
    """A client by its name in `VENUES`."""
    if name == "ccxt-aster":
        return _ccxt_trader(clients.ccxt_aster(rest, credentials), "BTC/USDT:USDT")
    if name == "ccxt-backpack":
        return _ccxt_trader(clients.ccxt_backpack(rest, credentials), "BTC/USDC:USDC")
    if name == "ccxt-lighter":
        return _ccxt_trader(clients.ccxt_lighter(rest, credentials), "BTC/USDC:USDC")
    if name == "bpx-py":
        return nullcontext(BpxTrader(rest, credentials))
    return nullcontext(LighterSdkTrader(rest, credentials))


VENUES = {
    "ccxt-aster": "aster",
    "ccxt-backpack": "backpack",
    "ccxt-lighter": "lighter",
    "bpx-py": "backpack",
    "lighter-sdk": "lighter",
}
"""Client -> its venue."""
