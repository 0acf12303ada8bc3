"""After a loss of power: orders of ours whose intents went with it, found by what they have filled.

Such an order may have filled before anybody could list it as open, and nothing but its fills is left of it. Those may
name only the venue's id, and none says how large the order was: without that the journal could not tell at the next
start that its fills are known. So the order is asked for, and made known, before its fills are.
"""

from typing import Final

from actors.steps import Failure, Steps, attempt
from exchanges.client import ExchangeClient
from exchanges.errors import AuthenticationRefused, ClockRefused, MalformedMessage, RateLimited, RequestRefused
from exchanges.records import replace
from exchanges.reports import FillReport, OrderReport
from exchanges.values import ZERO, OrderRef, OrderStatus
from exchanges.venue import Call, Venue

_MOST_ASKED: Final = 200
"""So many strange orders are asked about: more are a person's."""

_LASTING: Final = RequestRefused, MalformedMessage
"""An order that is not there, or cannot be read, stays strange: nothing but a person's could be."""


_PASSING: Final = RateLimited, ClockRefused, AuthenticationRefused
"""Refusals of the question, whatever order it is about."""


class LostOrders:
    """Asks for the orders of fills that nobody knows, each once. Belongs to the connection's thread.

    Args:
        venue: Builds the questions.
        client: Takes what is found.
    """

    def __init__(self, *, venue: Venue, client: ExchangeClient) -> None:
        self._venue = venue
        self._client = client
        self._asked: dict[str, OrderReport | None] = {}
        """What was found, by the name of the question; None where it was nothing of ours."""

    def find(self, fill: FillReport, now_ns: int) -> Steps[None]:
        """Make the order of a fill known as open and not filled, if it is one of ours that nobody knows.

        Raises:
            ExchangeError: the question failed in a way that may pass.
        """
        call = self._question(fill)
        if call is None:
            return
        outcome = yield from attempt(call)
        if isinstance(outcome, Failure):
            if isinstance(outcome.error, _PASSING) or not isinstance(outcome.error, _LASTING):
                raise outcome.error
            self._asked[_name(fill)] = None
            return
        report = outcome.value
        is_ours = self._client.is_ours(report)
        known = replace(report, status=OrderStatus.OPEN, filled=ZERO, average_price=None) if is_ours else report
        self._client.apply(known, received_ns=now_ns)
        self._asked[_name(fill)] = report if is_ours else None

    def found(self, symbol: str) -> tuple[OrderReport, ...]:
        """Return the orders of a market that were found, as they really are."""
        return tuple(report for report in self._asked.values() if report is not None and report.symbol == symbol)

    def _question(self, fill: FillReport) -> Call[OrderReport] | None:
        if len(self._asked) >= _MOST_ASKED or _name(fill) in self._asked:
            return None
        ledger, number = self._client.ledger, fill.client_order_id
        if number is None:
            if fill.order_id is None or ledger.owner(fill.order_id) is not None:
                return None
            return self._venue.find_order(fill.symbol, fill.order_id)
        if not self._client.is_ours(fill) or ledger.state(number) is not None or ledger.filled(number):
            return None
        return self._venue.query_order(OrderRef(symbol=fill.symbol, client_order_id=number, order_id=fill.order_id))


def _name(fill: FillReport) -> str:
    return f"{fill.client_order_id} {fill.order_id}"
