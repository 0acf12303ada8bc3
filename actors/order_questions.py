"""Questions about single orders: when one is asked, and that the same is not asked twice at a time."""

from collections.abc import Mapping
from typing import Final

from actors.connection_parts import ConnectedGrid
from actors.connection_reads import VenueReads
from actors.messages import CancelOrder, OrderCommand, PlaceLimitOrder, PlaceMarketOrder
from actors.steps import StepRunner, Steps, wait
from exchanges.client import ExchangeClient
from exchanges.values import ClientOrderId, OrderId

_TRADE_FOLLOWS_S: Final = 0.25


class OrderQuestions:
    """Asks for the fate of orders and for the trades of their fills. Belongs to the connection's thread.

    One question about an order at a time: where the budget is spent they would queue up, and what has to be read for
    the catch-up would stand behind answers that nobody needs twice. Whoever owns the order asks again if the one under
    way does not settle it.

    Args:
        runner: Runs the questions.
        reads: Puts them.
        client: What is known of the orders.
        grids: The grids by symbol.
        accept_within_s: An order whose receipt no report follows is asked about after so long; 0 where a receipt is an
            acceptance.
    """

    def __init__(
        self,
        *,
        runner: StepRunner,
        reads: VenueReads,
        client: ExchangeClient,
        grids: Mapping[str, ConnectedGrid],
        accept_within_s: float,
    ) -> None:
        self._runner = runner
        self._reads = reads
        self._client = client
        self._grids = grids
        self._accept_within_s = accept_within_s
        self._asking: set[ClientOrderId] = set()
        """Orders of which something is being read."""
        self._settling: set[ClientOrderId] = set()
        """Orders whose fate is being asked for."""

    def settle(self, grid: str, symbol: str, client_order_id: ClientOrderId) -> None:
        """Ask what became of an order, unless that is being asked."""
        if client_order_id not in self._settling:
            self._runner.run(self._settle(grid, symbol, client_order_id))

    def ask_about(self, client_order_id: ClientOrderId, symbol: str) -> None:
        """Ask what became of an order of the market's grid."""
        grid = self._grids.get(symbol)
        if grid is not None:
            self.settle(grid.name, symbol, client_order_id)

    def explain(self, symbol: str, client_order_id: ClientOrderId, order_id: OrderId) -> None:
        """Read the trades of a fill whose price and fee were assumed, unless the order is being asked about."""
        if client_order_id not in self._asking:
            self._runner.run(self._explain(symbol, client_order_id, order_id))

    def expect_acceptance(self, command: OrderCommand) -> None:
        """Ask about a placed order if no report follows its receipt in time: some vanish without a word."""
        if self._accept_within_s > 0 and not isinstance(command, CancelOrder):
            self._runner.run(self._ask_without_acceptance(command))

    def _settle(self, grid: str, symbol: str, client_order_id: ClientOrderId) -> Steps[None]:
        self._asking.add(client_order_id)
        self._settling.add(client_order_id)
        try:
            yield from self._reads.settle(grid, symbol, client_order_id)
        finally:
            self._asking.discard(client_order_id)
            self._settling.discard(client_order_id)

    def _explain(self, symbol: str, client_order_id: ClientOrderId, order_id: OrderId) -> Steps[None]:
        self._asking.add(client_order_id)
        try:
            # where orders and trades come by channels of their own, the trade may follow its order: a question less
            yield from wait(_TRADE_FOLLOWS_S)
            if self._client.ledger.unexplained(client_order_id):
                yield from self._reads.explain(symbol, client_order_id, order_id)
        finally:
            self._asking.discard(client_order_id)

    def _ask_without_acceptance(self, command: PlaceLimitOrder | PlaceMarketOrder) -> Steps[None]:
        yield from wait(self._accept_within_s)
        known = self._client.state(command.client_order_id)
        if known is not None and not known.is_accepted and not known.has_ended:
            self.ask_about(command.client_order_id, command.symbol)
