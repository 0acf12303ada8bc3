"""What a venue's words mean for the owner of an order: lane facts and client callbacks in, messages of the catalogue
out.

The owner is told by the role in the order's id (entries: strategy; exits and emergencies: closer), the journal after
it. Everything runs on the connection's thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from loguru import logger

from actors.addresses import Address
from actors.log_events import LogEvent
from actors.messages import (
    CancelFailed,
    CancelOrder,
    FillCorrected,
    Note,
    NoteLevel,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceLimitOrder,
    PlaceMarketOrder,
)
from actors.send_gate import to_request
from actors.venue_messages import OrderAnswered, OrderErred, OrderHeld
from exchanges.client import ExchangeClient
from exchanges.clock import Clock
from exchanges.errors import (
    AuthenticationRefused,
    ExchangeError,
    InsufficientMargin,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    ReduceOnlyRefused,
    RequestNotSent,
    RequestRefused,
    RuleViolated,
    WouldCross,
)
from exchanges.fill_events import Acceptance, Doubt, Ending, FillCorrection
from exchanges.order_ids import OrderRole, unpack
from exchanges.redaction import visible
from exchanges.reports import FillReport, OrderReport
from exchanges.values import CancelReason, ClientOrderId, OrderStatus, RejectReason

_NS: Final = 1_000_000_000

_REASONS: Final[tuple[tuple[type[RequestRefused], RejectReason], ...]] = (
    (WouldCross, RejectReason.POST_ONLY),
    (InsufficientMargin, RejectReason.MARGIN),
    (RuleViolated, RejectReason.RULES),
    (ReduceOnlyRefused, RejectReason.REDUCE_ONLY),
    (RateLimited, RejectReason.RATE),
    (AuthenticationRefused, RejectReason.AUTHENTICATION),
)


def reject_reason(error: RequestRefused) -> RejectReason:
    """Return what an error of the venue means for the owner of an order."""
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), RejectReason.OTHER)


@dataclass(frozen=True, slots=True)
class Owners:
    """Who is told about orders of one exchange. Addresses survive dead actors (`actors.wiring.Wire`)."""

    strategy: Address[Any]
    closer: Address[Any]
    journal: Address[Any]

    def of(self, client_order_id: ClientOrderId) -> Address[Any]:
        """Return the actor that owns an order of ours."""
        key = unpack(client_order_id)
        return self.strategy if key is not None and key.role is OrderRole.ENTRY else self.closer


class OrderFacts:
    """Turns what happened to orders into messages for their owners.

    Args:
        exchange: NAME of `[exchange.NAME]`.
        grids: Grid name by symbol.
        owners: Who is told.
        clock: Monotonic time.
        fence_s: How long after its write a request can still be accepted.
        ask_about: Called with an order whose reports contradict each other.
    """

    def __init__(
        self,
        *,
        exchange: str,
        grids: Mapping[str, str],
        owners: Owners,
        clock: Clock,
        fence_s: float,
        ask_about: Callable[[ClientOrderId, str], None],
    ) -> None:
        self._exchange = exchange
        self._grids = grids
        self._owners = owners
        self._clock = clock
        self._fence_ns = int(fence_s * _NS)
        self._ask_about = ask_about
        self._log = logger.bind(exchange=exchange)
        self._foreign_told: set[str] = set()

    # --- from the lanes ---

    def answered(self, fact: OrderAnswered, client: ExchangeClient) -> None:
        """Take a positive reply: reports in it go the way of every report."""
        now_ns = self._clock.monotonic_ns()
        if isinstance(fact.command, CancelOrder):
            client.apply(fact.report, received_ns=now_ns)
            return
        client.register(to_request(fact.command), placed_ns=now_ns)
        client.apply_receipt(fact.report, received_ns=now_ns)

    def held(self, fact: OrderHeld, client: ExchangeClient) -> None:
        """Take a refusal of our own gate."""
        command = fact.command
        if isinstance(command, CancelOrder):
            self._tell(self._cancel_failed(command, fact.why, retry=True))
            return
        self._deny(command, fact.why, client)

    def erred(self, fact: OrderErred, client: ExchangeClient) -> None:
        """Take an error: its class says what may be concluded (`exchanges.errors`)."""
        command, error = fact.command, fact.error
        if isinstance(command, CancelOrder):
            retry = isinstance(error, RequestNotSent | RateLimited)
            self._tell(self._cancel_failed(command, str(error), retry=retry))
            return
        match error:
            case RequestNotSent():
                self._deny(command, str(error), client)
            case RequestRefused():
                client.register(to_request(command), placed_ns=self._clock.monotonic_ns())
                client.reject(command.client_order_id, now_ns=self._clock.monotonic_ns())
                self._tell(
                    OrderRejected(
                        grid=command.grid,
                        client_order_id=command.client_order_id,
                        reason=reject_reason(error),
                        text=str(error),
                    )
                )
            case OutcomeUnknown() | MalformedMessage() | ExchangeError():
                self._unknown(command, error, fact.sent_ns, client)

    def _unknown(
        self,
        command: PlaceLimitOrder | PlaceMarketOrder,
        error: ExchangeError,
        sent_ns: int,
        client: ExchangeClient,
    ) -> None:
        now_ns = self._clock.monotonic_ns()
        client.register(to_request(command), placed_ns=sent_ns or now_ns)
        fence_ns = (sent_ns or now_ns) + self._fence_ns
        self._tell(
            OrderOutcomeUnknown(
                grid=command.grid, client_order_id=command.client_order_id, fence_ns=fence_ns, why=str(error)
            )
        )

    def _deny(self, command: PlaceLimitOrder | PlaceMarketOrder, why: str, client: ExchangeClient) -> None:
        client.register(to_request(command), placed_ns=self._clock.monotonic_ns())
        client.reject(command.client_order_id, now_ns=self._clock.monotonic_ns())
        self._tell(OrderDenied(grid=command.grid, client_order_id=command.client_order_id, reason=why))

    @staticmethod
    def _cancel_failed(command: CancelOrder, why: str, *, retry: bool) -> CancelFailed:
        return CancelFailed(grid=command.grid, client_order_id=command.client_order_id, why=why, retry=retry)

    # --- from the client ---

    def accepted(self, event: Acceptance) -> None:
        """Tell that the venue has an order in its book."""
        self._tell(
            OrderAccepted(
                grid=self._grids[event.symbol],
                client_order_id=event.client_order_id,
                order_id=event.order_id,
                price=event.price,
                quantity=event.quantity,
            )
        )

    def ended(
        self,
        order_id: ClientOrderId,
        status: OrderStatus,
        reason: CancelReason | None,
        cumulative: Decimal,
        *,
        final: bool,
        ending: Ending,
    ) -> None:
        """Tell that an order is terminal. A filled one has said so by its last fill."""
        grid = self._grids[ending.symbol]
        if status is OrderStatus.FILLED:
            return
        if status is OrderStatus.REJECTED and cumulative == 0:
            why = ending.reject_reason or RejectReason.OTHER
            self._tell(OrderRejected(grid=grid, client_order_id=order_id, reason=why, text="rejected by the venue"))
            return
        self._tell(
            OrderCanceled(
                grid=grid,
                client_order_id=order_id,
                reason=reason or CancelReason.OTHER,
                filled=cumulative,
                final=final,
            )
        )

    def corrected(self, event: FillCorrection) -> None:
        """Tell a price or fee that was learned after its quantity had been told.

        An entry's goes the way of its fills, through the strategy, whose outputs the journal gets.
        """
        key = unpack(event.client_order_id)
        message = FillCorrected(
            grid=self._grids[event.symbol],
            client_order_id=event.client_order_id,
            quantity=event.quantity,
            price=event.price,
            assumed_price=event.assumed_price,
            fee=event.fee,
            trade_id=event.trade_id,
            is_maker=event.is_maker,
            occurred_wall_ns=event.occurred_ns,
        )
        self._owners.of(event.client_order_id).tell(message)
        if key is None or key.role is not OrderRole.ENTRY:
            self._owners.journal.tell(message)
        text = (
            f"{event.quantity} were told at {event.assumed_price}, the trade {event.trade_id} says {event.price}, "
            f"fee {event.fee}"
        )
        self.note(LogEvent.FILL_CORRECTED, text, level=NoteLevel.DEBUG, client_order_id=event.client_order_id)

    def doubted(self, event: Doubt) -> None:
        """Ask about an order whose reports contradict each other."""
        self._log.bind(event=LogEvent.FRAME_MALFORMED).warning("order {}: {}", event.client_order_id, event.why)
        self._ask_about(event.client_order_id, event.symbol)

    def foreign(self, report: OrderReport | FillReport) -> None:
        """Note an order that is not this grid's, once per order."""
        name = str(report.order_id or report.client_order_id)
        if name in self._foreign_told:
            return
        self._foreign_told.add(name)
        self._log.bind(event=LogEvent.FOREIGN_ORDER_SEEN).info("order {} in {} is not ours", name, report.symbol)

    # --- telling ---

    def _tell(self, message: Any) -> None:  # noqa: ANN401 - one of the order events, each with an id
        self._owners.of(message.client_order_id).tell(message)
        self._owners.journal.tell(message)

    def tell_owner(self, message: Any) -> None:  # noqa: ANN401 - see _tell
        """Tell an answer about an order to its owner, then to the journal."""
        self._tell(message)

    def tell_both(self, message: Any, *, journaled: bool = True) -> None:  # noqa: ANN401 - a fact about a grid
        """Tell a fact about a grid to strategy and closer, then to the journal."""
        self._owners.strategy.tell(message)
        self._owners.closer.tell(message)
        if journaled:
            self._owners.journal.tell(message)

    def note(
        self, event: LogEvent, text: str, *, level: NoteLevel = NoteLevel.INFO, grid: str = "", client_order_id: int = 0
    ) -> None:
        """Log a note and give it to the journal. A part of its text may be the venue's."""
        text = visible(text)
        self._log.bind(event=event, grid=grid).log(level.value, text)
        self._owners.journal.tell(Note(event=event, level=level, grid=grid, text=text, client_order_id=client_order_id))
