"""What a venue package provides: data and pure functions, no I/O.

A `Venue` builds `Call`s (a request and the function that reads its answer), signs them, says how to open its
streams, and parses frames into reports.
Threads, sockets, retries and clocks belong to the callers. Shared code asks `capabilities`, never the venue's name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from exchanges.errors import ExchangeError, RequestRefused
from exchanges.records import quicken
from exchanges.reports import AccountReport, ActiveOrders, BestPrice, FillReport, OrderReport, PositionReport, Report
from exchanges.secrets import Secret
from exchanges.values import ClientOrderId, FeeRates, MarketRules, OrderId, OrderRef, OrderRequest

if TYPE_CHECKING:
    from exchanges.order_stream import OrderStream

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class RequestKind(StrEnum):
    """What a request spends its budget as. Exits and cancels have a reserved share."""

    ENTRY = "entry"
    EXIT = "exit"
    CANCEL = "cancel"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request before signing: business parameters in order, values already final text.

    `parameters` go to the query string or the body as the venue's signing decides. `weight` is the venue's own price
    of the call, `order_weight` and `history_weight` what it spends of budgets that only orders and only histories have.
    """

    operation: str
    method: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    signed: bool = False
    kind: RequestKind = RequestKind.QUERY
    weight: int = 1
    order_weight: int = 0
    history_weight: int = 0
    body: str | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request ready for the wire: `target` is path plus query, `headers` are complete except Host and
    Content-Length.
    """

    operation: str
    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """An answer: lower-case header names, whole body, and when its last byte was read (wall clock)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_ns: int


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A request and the function that reads its reply.

    `read` raises the `ExchangeError` that says what may be concluded (see `exchanges.errors`). Of a question it may
    also raise `Undecided`, of a command `SignAgain`.

    `first`, where a venue gives it, is called on the lane's thread directly before the request is signed. It returns a
    question that has to be answered before (a nonce that has to be known), or None where nothing has to be asked.
    """

    request: HttpRequest
    read: Callable[[HttpReply], T_co]
    first: "Callable[[], Call[object] | None] | None" = None


class Undecided(ExchangeError):
    """This answer decides nothing by itself; `further` has to be asked, and its answer stands for both.

    Raised by `Call.read` of questions only. The query lane follows it, and tells the answer with the time the *first*
    question was asked. Whoever does not follow has learned nothing: it is an error like any other.
    """

    def __init__(self, exchange: str, operation: str, text: str, *, further: "Call[Any]") -> None:
        self.further = further
        super().__init__(exchange, operation, text)


class SignAgain(RequestRefused):
    """A command was refused for how it was signed (a nonce that is used up): nothing happened, and signed anew it may
    pass. A lane does so once; whoever does not has a refusal like any other.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEndpoint:
    """Where and how to open a stream. `url` may hold a credential: it is never logged whole.

    Attributes:
        url: Full ws:// or wss:// address.
        hello: Frames to send after the connection is open.
        ping_every_s: Protocol ping interval; the pong (or any frame) proves the stream is alive.
        dead_after_s: Without any frame or pong for so long, the connection is dead.
        max_age_s: Reconnect before this age (venues cut at 24 h).
        keep_alive_frame: Text frame sent besides protocol pings where these are not enough, or None.
        keep_alive_every_s: How often; 0 is with every ping.
        answers: Frames of the venue, byte for byte, that want a text frame back at once (its own pings).
    """

    url: str
    hello: tuple[str, ...] = ()
    ping_every_s: float = 5.0
    dead_after_s: float = 15.0
    max_age_s: float = 23 * 3600.0
    keep_alive_frame: str | None = None
    keep_alive_every_s: float = 0.0
    answers: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What differs between venues. A README table is generated from it; each field's meaning is its comment.

    Attributes:
        cancel_report_is_final: A cancel report's cumulative can be trusted as the last word.
        reply_is_acceptance: A positive reply to an order means it was accepted by the book (else it is only a receipt).
        fills_have_trade_ids: Stream fills carry the venue's trade id.
        reduce_only_exempt_from_minimum: Reduce-only orders may be below the minimum notional.
        fence_s: After so long a request that was sent can no longer be accepted.
        parallel_orders: Requests may be in flight at the same time (no strict nonce order).
        order_lanes: How many warm connections to spread orders over.
        pipelined_orders: Orders leave one behind the other over one connection, none waiting for another's answer.
        audit_every_s: How often open orders and position can be read within the budget.
        private_renew_s: How often the private stream's credential must be renewed, 0 if never.
        max_client_order_id_bits: Width of the venue's client order id.
        reduce_only_retry_s: For so long after a fill, a refused reduce-only order is worth a retry.
        order_ttl_s: Resting orders vanish after so long, 0 if never.
        accept_within_s: Where a reply is only a receipt: an order of which nothing is heard for so long is asked about.
        exit_reserved_pct: Share of every budget that only exits and cancels may spend.
        used_weight_header: Reply header that counts the requests of everybody at our address, empty if there is none.
    """

    cancel_report_is_final: bool
    reply_is_acceptance: bool
    fills_have_trade_ids: bool
    reduce_only_exempt_from_minimum: bool
    fence_s: float
    parallel_orders: bool = True
    order_lanes: int = 4
    pipelined_orders: bool = False
    audit_every_s: float = 5.0
    private_renew_s: float = 0.0
    max_client_order_id_bits: int = 32
    reduce_only_retry_s: float = 0.0
    order_ttl_s: float = 0.0
    accept_within_s: float = 0.0
    exit_reserved_pct: int = 20
    used_weight_header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """One budget of a venue: `amount` units per `per_s` seconds. `unit` is 'weight' (all calls), 'order' (order
    placement) or 'history' (readings of a venue's slower archive).
    """

    unit: str
    amount: int
    per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSetup:
    """What a grid needs of the account in one market before the first order.

    Where it must not be changed (`may_change`), a check that would change it says what is otherwise instead.
    """

    symbol: str
    leverage: int
    isolated: bool = False
    may_change: bool = True


class Venue(Protocol):
    """One account on one venue. All methods are pure and safe on any thread, except `sign` where noted by the venue.

    `name` is the venue's name ('aster'), `account` a non-secret label of account and key slot (used in lock names),
    `tag` comes from the bot:
    client order ids of other tags are foreign.
    """

    @property
    def name(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def rate_limits(self) -> tuple[RateLimit, ...]: ...
    @property
    def rest_url(self) -> str: ...

    # --- reading ---
    def server_time(self) -> Call[int]:
        """Venue clock in wall nanoseconds."""
        ...

    def markets(self) -> Call[Mapping[str, MarketRules]]:
        """Rules of every market the venue lists, by symbol."""
        ...

    def best_price(self, symbol: str) -> Call[BestPrice]:
        """Best bid and ask by REST (source REST)."""
        ...

    def query_order(self, ref: OrderRef) -> Call[OrderReport]:
        """One order by our id. Raises UnknownOrder where the venue says it does not exist.

        Where one answer cannot say that, it raises Undecided with the next question.
        """
        ...

    def active_orders(self, symbol: str) -> Call[ActiveOrders]:
        """All open orders of a market, foreign ones included."""
        ...

    def find_order(self, symbol: str, order_id: OrderId) -> Call[OrderReport] | None:
        """Whose order it is that a fill names only by the venue's id; foreign ones are answered too. None where fills
        always name our id.
        """
        ...

    def order_fills(self, ref: OrderRef) -> Call[tuple[FillReport, ...]]:
        """Fills of one order (needs `ref.order_id` on some venues), oldest first."""
        ...

    def recent_fills(self, symbol: str, *, after: str | None, since_ns: int) -> Call[tuple[FillReport, ...]]:
        """Fills of a market after trade id `after` (or since a wall time when None), oldest first, at most one page;
        call again while it is full.
        """
        ...

    def position(self, symbol: str) -> Call[PositionReport]:
        """The position in a market; flat is quantity 0, a failed read is an error."""
        ...

    def account_summary(self) -> Call[AccountReport]:
        """Equity and available margin."""
        ...

    def fee_rates(self, symbol: str) -> Call[FeeRates]:
        """The account's own maker and taker rates."""
        ...

    # --- writing ---
    def place_limit_order(self, order: OrderRequest) -> Call[OrderReport]:
        """Place an order. The reply may be only a receipt: see `capabilities.reply_is_acceptance`."""
        ...

    def cancel_order(self, ref: OrderRef) -> Call[OrderReport]:
        """Cancel an order. UnknownOrder means 'not open', not 'canceled'."""
        ...

    def account_checks(self, setup: AccountSetup) -> tuple[Call[str | None], ...]:
        """Calls that verify and set position mode, margin mode and leverage, in order. Each reads to a problem text
        or None.
        """
        ...

    def shut_out_earlier(self, symbol: str) -> Call[float] | None:
        """Ask that nothing an earlier run of this account's key has sent can be accepted any more. Reads to the seconds
        after which the venue's records are complete; an error proves nothing. None where only
        `capabilities.fence_s` helps, or where the market has not been set up.
        """
        ...

    # --- signing ---
    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """Turn a request into bytes for the wire. `wall_ns` is the venue's clock as best known (local clock plus
        offset).

        Called on the lane's thread, one nonce per call where the venue wants one; thread-safe.
        """
        ...

    # --- streams ---
    def order_stream(self) -> "OrderStream | None":
        """A connection that takes orders without a wait between them, where `capabilities.pipelined_orders`."""
        ...

    def public_stream(self, symbols: tuple[str, ...]) -> StreamEndpoint:
        """Best bid/ask of the given markets."""
        ...

    def open_private(self) -> Call[str] | None:
        """Obtain the credential a private stream needs, or None where the endpoint can be built without."""
        ...

    def renew_private(self, credential: str) -> Call[str] | None:
        """Extend the credential; reads to the credential that is valid now. None where nothing needs renewing."""
        ...

    def private_stream(self, credential: str, symbols: tuple[str, ...], *, wall_ns: int) -> StreamEndpoint:
        """Orders, fills and positions of the account."""
        ...

    def parse_public(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        """Read one public frame. Raises MalformedMessage and nothing else."""
        ...

    def parse_private(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        """Read one private frame. Raises MalformedMessage and nothing else."""
        ...

    # --- ids ---
    def spell_client_order_id(self, client_order_id: ClientOrderId) -> str:
        """Our id as this venue's text."""
        ...

    def read_client_order_id(self, text: str | int | None) -> ClientOrderId | None:
        """The venue's text as our id, None where it is not spelled like ours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The public addresses of one network of a venue, without a trailing slash."""

    rest_url: str
    ws_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePackage:
    """What `exchanges.VENUES` gives for the name of a venue, before any account is known.

    Attributes:
        name: The venue's name, as in `[exchange.NAME] venue = name`.
        settings: The dataclass of its section, fields made by `exchanges.settings.setting`. Its method `problems()`
            returns what is wrong beyond single ranges.
        endpoints: Addresses by network name.
        capabilities: With default settings; an account's own are on the `Venue`.
        rate_limits: Budgets as the venue publishes them.
        from_settings: Builds an account from its settings and a function that looks up an environment variable by
            name (None or empty where it is not set). Raises ConfigError naming every missing or unusable variable.
        with_credentials: Builds an account from given credentials and addresses, for a simulated venue: settings,
            the `credentials` object that `--serve` prints, REST address, stream address.
    """

    name: str
    settings: type[Any]
    endpoints: Mapping[str, Endpoints]
    capabilities: Capabilities
    rate_limits: tuple[RateLimit, ...]
    from_settings: Callable[[Any, Callable[[str], Secret | str | None]], Venue]
    with_credentials: Callable[[Any, Mapping[str, str], str, str], Venue]


quicken(__name__)

__all__ = [
    "AccountSetup",
    "Call",
    "Capabilities",
    "Endpoints",
    "HttpReply",
    "HttpRequest",
    "OrderId",
    "RateLimit",
    "RequestKind",
    "SignAgain",
    "SignedRequest",
    "StreamEndpoint",
    "Undecided",
    "Venue",
    "VenuePackage",
]
