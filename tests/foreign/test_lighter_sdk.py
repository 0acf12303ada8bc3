"""The vendor's own client trades on the simulated Lighter: SignerClient and OrderApi, only the base URL changed.

Every signature is checked here, so that the vendor's library and the venue's plain Python agree on all of them.
"""

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from exchanges.simulated.testing import RunningVenue, running_venue
from tests.foreign import clients

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the package warns about while it is imported is not about us
    lighter = pytest.importorskip("lighter", reason='lighter-sdk is not installed: pip install ".[foreign]"')

pytestmark = pytest.mark.foreign
T = TypeVar("T")
ETH = 0


@pytest.fixture
def venue() -> Iterator[RunningVenue]:
    with running_venue(venue="lighter", symbols=("ETH", "BTC"), lighter_signature_check_pct=Decimal(100)) as running:
        running.quote("ETH", "2350.00", "2350.10")
        yield running


class Desk:
    """The vendor's clients for one account."""

    def __init__(self, venue: RunningVenue) -> None:
        given = venue.credentials
        self.account = int(given["account_index"])
        self.key = int(given["api_key_index"])
        self.signer = lighter.SignerClient(venue.rest_url, self.account, {self.key: str(given["private_key"])})
        api = self.signer.api_client
        self.orders, self.accounts = lighter.OrderApi(api), lighter.AccountApi(api)
        self.transactions, self.root = lighter.TransactionApi(api), lighter.RootApi(api)
        self.candles = lighter.CandlestickApi(api)

    def token(self) -> str:
        """A token for reads."""
        token, error = self.signer.create_auth_token_with_expiry(api_key_index=self.key)
        assert error is None
        return str(token)

    async def create(self, client_index: int, price: int, *, is_ask: bool = False, **options: Any) -> Any:
        """Place a post-only order."""
        choices = {"base_amount": 250, "order_type": 0, "time_in_force": 2} | options
        _, receipt, error = await self.signer.create_order(
            market_index=ETH, client_order_index=client_index, price=price, is_ask=is_ask, **choices
        )
        assert error is None, error
        return receipt

    async def active(self) -> list[Any]:
        """The open orders."""
        found = await self.orders.account_active_orders(authorization=self.token(), account_index=self.account)
        return list(found.orders or [])


def run(venue: RunningVenue, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Run a conversation of the vendor's clients."""

    async def converse() -> T:
        desk = Desk(venue)
        try:
            return await work(desk)
        finally:
            await desk.signer.api_client.close()

    return clients.on_a_loop(converse)


def test_markets_are_read_with_their_decimals(venue):
    async def work(desk: Desk) -> Any:
        return await desk.orders.order_book_details(), await desk.orders.order_books(), await desk.root.status()

    details, books, status = run(venue, work)
    eth = details.order_book_details[0]
    assert (eth.symbol, eth.market_id, eth.size_decimals, eth.price_decimals) == ("ETH", 0, 4, 2)
    assert [book.symbol for book in books.order_books] == ["ETH", "BTC"]
    assert status.status == 200


def test_the_native_library_knows_its_key(venue):
    async def work(desk: Desk) -> Any:
        return await asyncio.to_thread(desk.signer.check_client)

    assert run(venue, work) is None


def test_a_post_only_order_is_placed_found_and_canceled(venue):
    async def work(desk: Desk) -> Any:
        receipt = await desk.create(1001, 234_000)
        (order,) = await desk.active()
        record = await desk.transactions.tx(by="hash", value=receipt.tx_hash)
        _, _, error = await desk.signer.cancel_order(market_index=ETH, order_index=1001)
        assert error is None
        return receipt, order, record, await desk.active()

    receipt, order, record, after = run(venue, work)
    assert receipt.code == 200
    assert (order.client_order_index, order.price, order.initial_base_amount) == (1001, "2340.00", "0.0250")
    assert (order.status, order.time_in_force, order.is_ask) == ("open", "post-only", False)
    assert (record.hash, record.status) == (receipt.tx_hash, 2)
    assert after == []


def test_a_resting_order_fills_and_the_position_can_be_read_and_closed(venue):
    async def place(desk: Desk) -> Any:
        await desk.create(1, 234_000)

    async def look(desk: Desk) -> Any:
        await desk.create(2, 236_000, is_ask=True, reduce_only=True)
        exit_order = (await desk.active())[0]
        fills = await desk.orders.trades(
            sort_by="timestamp", limit=10, authorization=desk.token(), account_index=desk.account
        )
        account = await desk.accounts.account(by="index", value=str(desk.account))
        return exit_order, fills.trades, account.accounts[0]

    async def close(desk: Desk) -> Any:
        _, _, error = await desk.signer.cancel_all_orders(time_in_force=0, timestamp_ms=0)
        assert error is None
        _, _, error = await desk.signer.create_market_order(
            market_index=ETH,
            client_order_index=3,
            base_amount=250,
            avg_execution_price=230_000,
            is_ask=True,
            reduce_only=True,
        )
        assert error is None
        account = await desk.accounts.account(by="index", value=str(desk.account))
        inactive = await desk.orders.account_inactive_orders(
            authorization=desk.token(), account_index=desk.account, limit=10
        )
        return account.accounts[0], inactive.orders

    run(venue, place)
    venue.quote("ETH", "2339.80", "2339.90")
    exit_order, fills, account = run(venue, look)
    assert exit_order.reduce_only is True
    (fill,) = fills
    assert (fill.bid_client_id, fill.size, fill.price, fill.bid_account_id) == (1, "0.0250", "2340.00", account.index)
    assert fill.is_maker_ask is False
    (position,) = [row for row in account.positions if row.symbol == "ETH"]
    assert (position.sign, position.position, position.avg_entry_price) == (1, "0.0250", "2340.00")
    account, ended = run(venue, close)
    assert next(row for row in account.positions if row.symbol == "ETH").position == "0.0000"
    assert {order.client_order_index: order.status for order in ended} == {1: "filled", 2: "canceled", 3: "filled"}


def test_modify_and_leverage(venue):
    async def work(desk: Desk) -> Any:
        await desk.create(5, 234_000)
        _, _, error = await desk.signer.modify_order(market_index=ETH, order_index=5, base_amount=300, price=234_500)
        assert error is None
        (order,) = await desk.active()
        _, _, error = await desk.signer.update_leverage(ETH, desk.signer.CROSS_MARGIN_MODE, 10)
        assert error is None
        account = await desk.accounts.account(by="index", value=str(desk.account))
        return order, account.accounts[0].positions[0]

    order, position = run(venue, work)
    assert (order.price, order.initial_base_amount) == ("2345.00", "0.0300")
    assert position.initial_margin_fraction == "10.00"


def test_a_refusal_gives_the_nonce_back(venue):
    async def work(desk: Desk) -> Any:
        await desk.create(1, 234_000)
        _, receipt, error = await desk.signer.create_order(
            market_index=ETH,
            client_order_index=2,
            base_amount=10,
            price=234_000,
            is_ask=False,
            order_type=0,
            time_in_force=2,
        )
        await desk.create(3, 234_100)
        return receipt, error, len(await desk.active())

    receipt, error, count = run(venue, work)
    assert receipt is None
    assert "21706" in error
    assert count == 2


def test_another_chain_is_another_venue(venue):
    async def work(desk: Desk) -> Any:
        stranger = lighter.SignerClient(
            venue.rest_url, desk.account, {desk.key: str(venue.credentials["private_key"])}, chain_id=300
        )
        _, _, error = await stranger.create_order(
            market_index=ETH,
            client_order_index=9,
            base_amount=250,
            price=234_000,
            is_ask=False,
            order_type=0,
            time_in_force=2,
        )
        await stranger.api_client.close()
        return error

    assert "21120" in run(venue, work)


def test_the_public_side_is_readable(venue):
    venue.trade("ETH", "2350.10", "0.5", buyer_is_maker=False)

    async def work(desk: Desk) -> Any:
        book = await desk.orders.order_book_orders(market_id=ETH, limit=5)
        prints = await desk.orders.recent_trades(market_id=ETH, limit=5)
        stats = await desk.orders.exchange_stats()
        candles = await desk.candles.candles(
            market_id=ETH, resolution="1m", start_timestamp=0, end_timestamp=4_000_000_000_000, count_back=5
        )
        keys = await desk.accounts.apikeys(account_index=desk.account, api_key_index=desk.key)
        limits = await desk.accounts.account_limits(account_index=desk.account, authorization=desk.token())
        return book, prints, stats, candles, keys, limits

    book, prints, stats, candles, keys, limits = run(venue, work)
    assert (book.bids[0].price, book.asks[0].price) == ("2350.00", "2350.10")
    assert prints.trades[0].size == "0.5000"
    assert stats.daily_trades_count == 1
    assert candles.c[-1].v == 0.5
    assert keys.api_keys[0].nonce == 1
    assert limits.user_tier == "standard"
