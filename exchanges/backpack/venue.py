"""Backpack perpetuals as a `exchanges.venue.Venue`: data and pure functions over one account (venues/backpack.md)."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from exchanges.account_settings import SecretResolver, fee_rate
from exchanges.backpack import account_setup, lookup, parsing, rest, stream
from exchanges.backpack.settings import BackpackCredentials, BackpackSettings, Network, credentials_from
from exchanges.backpack.signing import Signer, SigningKey
from exchanges.errors import ConfigError
from exchanges.reports import (
    AccountReport,
    ActiveOrders,
    BestPrice,
    FillReport,
    OrderReport,
    PositionReport,
    Report,
)
from exchanges.secrets import Secret
from exchanges.values import ClientOrderId, FeeRates, MarketRules, OrderId, OrderRef, OrderRequest
from exchanges.venue import (
    AccountSetup,
    Call,
    Capabilities,
    Endpoints,
    HttpRequest,
    RateLimit,
    SignedRequest,
    StreamEndpoint,
)

NAME: Final = "backpack"

ENDPOINTS: Final[Mapping[str, Endpoints]] = MappingProxyType(
    {Network.MAINNET: Endpoints(rest_url="https://api.backpack.exchange", ws_url="wss://ws.backpack.exchange")}
)

RATE_LIMITS: Final = (
    RateLimit(unit="weight", amount=2000, per_s=60.0),
    RateLimit(unit="history", amount=30, per_s=60.0),
)
"""Section 4.3, per subaccount."""

_CLOCK_SLACK_S: Final = 2.0
"""The window counts from our idea of the venue's clock; a time stamp that lies ahead lengthens it."""
_REDUCE_ONLY_RETRY_S: Final = 1.5
"""The venue's view of a position trails its fills by about half a second; section 7.5 advises three tries."""


def capabilities_of(settings: BackpackSettings) -> Capabilities:
    """Return what holds for an account with these settings.

    `cancel_report_is_final` follows from the synchronous engine (section 7.8: inferred, not documented); a cancel whose
    cumulative differs from the known fills is asked about all the same.
    """
    return Capabilities(
        cancel_report_is_final=True,
        reply_is_acceptance=True,
        fills_have_trade_ids=True,
        reduce_only_exempt_from_minimum=False,
        fence_s=settings.window_ms / 1000 + _CLOCK_SLACK_S,
        parallel_orders=True,
        order_lanes=4,
        audit_every_s=5.0,
        private_renew_s=0.0,
        max_client_order_id_bits=32,
        reduce_only_retry_s=_REDUCE_ONLY_RETRY_S,
        order_ttl_s=0.0,
    )


class BackpackVenue:
    """One account on Backpack. Every method is safe on any thread.

    Immutable, except that it remembers what the first `account_checks` asked for: leverage is the account's.
    """

    def __init__(
        self, settings: BackpackSettings, credentials: BackpackCredentials, *, rest_url: str = "", ws_url: str = ""
    ) -> None:
        """Take settings and credentials; addresses given here win over those of the settings.

        Raises:
            ConfigError: credentials that cannot work (no key, or the API key of another secret); the texts name the
                setting, never a value that is secret.
        """
        endpoints = ENDPOINTS[settings.network]
        key = _key_of(settings, credentials)
        self._signer = Signer(key, window_ms=settings.window_ms)
        self._account = f"key-{hashlib.sha256(key.api_key.encode()).hexdigest()[:16]}"
        self._rest_url = (rest_url or settings.rest_url or endpoints.rest_url).rstrip("/")
        self._ws_url = (ws_url or settings.ws_url or endpoints.ws_url).rstrip("/")
        self._capabilities = capabilities_of(settings)
        self._fees = (fee_rate(settings.maker_fee_bps), fee_rate(settings.taker_fee_bps))
        self._agreed: AccountSetup | None = None
        self.settings = settings

    @classmethod
    def from_settings(cls, settings: BackpackSettings, resolve: SecretResolver) -> "BackpackVenue":
        """Build an account from its section; `resolve` looks up an environment variable by name (`os.environ.get`).

        Raises:
            ConfigError: problems of the settings, variables that are not set, credentials that cannot work.
        """
        problems = settings.problems()
        if problems:
            raise ConfigError(problems)
        return cls(settings, credentials_from(settings, resolve))

    @classmethod
    def with_credentials(
        cls, settings: BackpackSettings, credentials: Mapping[str, str], rest_url: str, ws_url: str
    ) -> "BackpackVenue":
        """Build an account from the `credentials` object that `--serve` prints: api_key and secret."""
        given = BackpackCredentials(
            api_key=credentials.get("api_key", ""), secret_key=Secret(credentials.get("secret", ""))
        )
        return cls(settings, given, rest_url=rest_url, ws_url=ws_url)

    def __repr__(self) -> str:
        return f"BackpackVenue({self._account} at {self._rest_url})"

    @property
    def name(self) -> str:
        return NAME

    @property
    def account(self) -> str:
        return self._account

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]:
        return RATE_LIMITS

    @property
    def rest_url(self) -> str:
        return self._rest_url

    # --- reading ---

    def server_time(self) -> Call[int]:
        return rest.server_time()

    def markets(self) -> Call[Mapping[str, MarketRules]]:
        return rest.all_markets()

    def best_price(self, symbol: str) -> Call[BestPrice]:
        return rest.best_price(symbol)

    def query_order(self, ref: OrderRef) -> Call[OrderReport]:
        """See `exchanges.backpack.lookup`: up to three kinds of questions, of which two are of the history's budget."""
        return lookup.query_order(ref)

    def find_order(self, symbol: str, order_id: OrderId) -> None:
        """Fills name our id."""

    def active_orders(self, symbol: str) -> Call[ActiveOrders]:
        return rest.open_orders(symbol)

    def order_fills(self, ref: OrderRef) -> Call[tuple[FillReport, ...]]:
        """Needs `ref.order_id` (history is filtered by no other id): query the order first.

        Raises:
            ValueError: `ref.order_id` is None.
        """
        if ref.order_id is None:
            raise ValueError("the venue's order id is needed to read the fills of an order: query the order first")
        return rest.order_fills(ref.symbol, ref.order_id)

    def recent_fills(self, symbol: str, *, after: str | None, since_ns: int) -> Call[tuple[FillReport, ...]]:  # noqa: ARG002 - of the protocol: this venue's history has no cursor by trade, only by time
        return rest.recent_fills(symbol, since_ns)

    def position(self, symbol: str) -> Call[PositionReport]:
        return rest.position(symbol)

    def account_summary(self) -> Call[AccountReport]:
        return rest.collateral()

    def fee_rates(self, symbol: str) -> Call[FeeRates]:  # noqa: ARG002 - of the protocol: rates are the account's
        """The venue's rates of the account, replaced by those of the settings where these are numbers."""
        return rest.fee_rates(*self._fees)

    # --- writing ---

    def place_limit_order(self, order: OrderRequest) -> Call[OrderReport]:
        return rest.place_order(order)

    def cancel_order(self, ref: OrderRef) -> Call[OrderReport]:
        return rest.cancel_order(ref)

    def cancel_all(self, symbol: str) -> Call[ActiveOrders]:
        """Cancel every order of one market, exits and foreign ones too; reads to those that were canceled."""
        return rest.cancel_all(symbol)

    def account_checks(self, setup: AccountSetup) -> tuple[Call[str | None], ...]:
        if self._agreed is None:
            self._agreed = setup
        return account_setup.calls(setup, self._agreed)

    def shut_out_earlier(self, symbol: str) -> None:
        """What was sent is accepted or refused within the fence."""

    # --- signing ---

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """Sign on the caller's thread; thread-safe, no nonce. `wall_ns` is the venue's clock as best known."""
        return self._signer.sign(request, wall_ns=wall_ns)

    # --- streams ---

    def order_stream(self) -> None:
        """Orders go by REST, several at a time."""

    def public_stream(self, symbols: tuple[str, ...]) -> StreamEndpoint:
        return stream.public_endpoint(self._ws_url, symbols)

    def open_private(self) -> Call[str] | None:
        """Nothing to obtain: the subscription itself is signed."""
        return None

    def renew_private(self, credential: str) -> Call[str] | None:  # noqa: ARG002 - of the protocol
        """Nothing to renew: a subscription lasts as long as its connection."""
        return None

    def private_stream(self, credential: str, symbols: tuple[str, ...], *, wall_ns: int) -> StreamEndpoint:  # noqa: ARG002 - of the protocol: this venue's streams carry every market
        return stream.private_endpoint(self._ws_url, self._signer, wall_ns=wall_ns)

    def parse_public(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return stream.parse_public(frame, received_ns)

    def parse_private(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return stream.parse_private(frame, received_ns)

    # --- ids ---

    def spell_client_order_id(self, client_order_id: ClientOrderId) -> str:
        return parsing.spell_client_order_id(client_order_id)

    def read_client_order_id(self, text: str | int | None) -> ClientOrderId | None:
        return parsing.read_client_order_id(text)


def _key_of(settings: BackpackSettings, credentials: BackpackCredentials) -> SigningKey:
    """The signing key, proven to belong to the API key before any request is made."""
    own = f"secret_key_env = {settings.secret_key_env!r}"
    try:
        key = SigningKey(credentials.secret_key)
    except ValueError as error:
        raise ConfigError([f"{own}: its value cannot be used: {error}"]) from None
    if key.api_key != credentials.api_key:
        api_key = f"public_key_env = {settings.public_key_env!r}"
        raise ConfigError(
            [f"{own}: the secret does not belong to the API key of {api_key} (swapped, or of another pair)"]
        )
    return key
