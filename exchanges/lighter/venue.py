"""Lighter perpetuals as a `exchanges.venue.Venue`: data and functions over one API key (venues/lighter.md)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from exchanges.account_settings import SecretResolver, fee_rate
from exchanges.errors import ConfigError
from exchanges.lighter import (
    account_setup,
    earlier_runs,
    library,
    lookup,
    order_stream,
    parsing,
    rest,
    stream,
    transactions,
)
from exchanges.lighter.account import Account
from exchanges.lighter.settings import LighterCredentials, LighterSettings, Network, key_from
from exchanges.lighter.signing import NativeSigner, TokenSource, TransactionSigner
from exchanges.order_stream import OrderStream
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

NAME: Final = "lighter"

ENDPOINTS: Final[Mapping[str, Endpoints]] = MappingProxyType(
    {
        Network.MAINNET: Endpoints(
            rest_url="https://mainnet.zklighter.elliot.ai", ws_url="wss://mainnet.zklighter.elliot.ai"
        ),
        Network.TESTNET: Endpoints(
            rest_url="https://testnet.zklighter.elliot.ai", ws_url="wss://testnet.zklighter.elliot.ai"
        ),
        Network.ROBINHOOD: Endpoints(rest_url="https://api.rh.lighter.xyz", ws_url="wss://api.rh.lighter.xyz"),
    }
)
CHAIN_IDS: Final[Mapping[str, int]] = MappingProxyType(
    {Network.MAINNET: 304, Network.TESTNET: 300, Network.ROBINHOOD: 466324}
)
"""Section 1: part of every signature, and told by no endpoint."""

TRADE_QUERIES_PER_MIN: Final = 40
"""Section 4: what the weight of `trades` leaves of the budget of any account that is not above standard."""
_TX_LIFE_S: Final = 599.0
_FENCE_SLACK_S: Final = 41.0
"""The life of a transaction counts by this machine's clock, which may be 30 s ahead of the venue's
(`account_setup.LARGEST_CLOCK_ERROR_S`); the rest is for the way there and for the venue's own tolerance."""
_REDUCE_ONLY_RETRY_S: Final = 1.0
_ACCEPT_WITHIN_S: Final = 1.5
"""Section 8.3: an order's first frame comes about 0.2 s after its receipt (0.3 s where it takes). A frame that was lost
is asked for before its exit has counted as uncovered for two seconds."""
_TOKEN_RENEW_S: Final = 6 * 3600.0
_AUDIT_EVERY_S: Final = 30.0
_KEY_DIGITS: Final = 80


def capabilities_of(settings: LighterSettings) -> Capabilities:
    """Return what holds for an account with these settings.

    Nonces are a strict sequence per key, so one lane sends one transaction behind the other, over one connection that
    keeps their order (DESIGN.md section 4). `fence_s` is the life of a signed transaction; a proof by nonce comes
    sooner and is told as the order's end, not as its absence.
    """
    return Capabilities(
        cancel_report_is_final=True,
        reply_is_acceptance=False,
        fills_have_trade_ids=True,
        reduce_only_exempt_from_minimum=False,
        fence_s=_TX_LIFE_S + _FENCE_SLACK_S,
        parallel_orders=False,
        order_lanes=1,
        pipelined_orders=True,
        audit_every_s=_AUDIT_EVERY_S,
        private_renew_s=_TOKEN_RENEW_S,
        max_client_order_id_bits=48,
        reduce_only_retry_s=_REDUCE_ONLY_RETRY_S,
        order_ttl_s=float(settings.exit_ttl_s),
        accept_within_s=_ACCEPT_WITHIN_S,
        exit_reserved_pct=settings.exit_reserved_pct,
    )


def rate_limits_of(settings: LighterSettings) -> tuple[RateLimit, ...]:
    """Return the budgets of an account with these settings: readings, transactions, and readings of trades."""
    reads = settings.read_quota_per_min
    return (
        RateLimit(unit="weight", amount=reads, per_s=60.0),
        RateLimit(unit="order", amount=settings.tx_quota_per_min, per_s=60.0),
        RateLimit(unit="history", amount=min(reads, TRADE_QUERIES_PER_MIN), per_s=60.0),
    )


class LighterVenue:
    """One API key of one account on Lighter. Every method is safe on any thread; `sign` belongs on a lane's.

    Beyond its settings it remembers what the protocol needs: the numbers of markets, the next nonce, the hashes of what
    it sent, and a token.
    """

    def __init__(
        self,
        settings: LighterSettings,
        credentials: LighterCredentials,
        *,
        rest_url: str = "",
        ws_url: str = "",
        signer: TransactionSigner | None = None,
    ) -> None:
        """Take settings and credentials; addresses given here win over those of the settings.

        Args:
            settings: The section of the account.
            credentials: Account, slot, key and chain.
            rest_url: REST address; empty for the settings' or the network's.
            ws_url: Stream address; as `rest_url`.
            signer: What signs in place of the native library (simulation).

        Raises:
            ConfigError: credentials that cannot work, or a native library that is missing or not the known one. The
                texts name the setting, never a value that is secret.
        """
        problems = _problems(settings, credentials)
        if problems:
            raise ConfigError(problems)
        if signer is None:
            library.locate()
            signer = NativeSigner(credentials, library.load)
        endpoints = ENDPOINTS[settings.network]
        self._known = Account(
            index=credentials.account_index,
            api_key_index=credentials.api_key_index,
            settings=settings,
            signer=signer,
            tokens=TokenSource(signer),
        )
        self._rest_url = (rest_url or settings.rest_url or endpoints.rest_url).rstrip("/")
        self._ws_url = (ws_url or settings.ws_url or endpoints.ws_url).rstrip("/")
        self._capabilities = capabilities_of(settings)
        self._rate_limits = rate_limits_of(settings)
        self._fees = (fee_rate(settings.maker_fee_bps), fee_rate(settings.taker_fee_bps))
        self.settings = settings

    @classmethod
    def from_settings(cls, settings: LighterSettings, resolve: SecretResolver) -> "LighterVenue":
        """Build an account from its section; `resolve` looks up an environment variable by name (`os.environ.get`).

        Raises:
            ConfigError: problems of the settings, variables that are not set, credentials that cannot work.
        """
        problems = list(settings.problems())
        try:
            key = key_from(settings, resolve)
        except ConfigError as error:
            raise ConfigError([*problems, *error.problems]) from None
        if problems:
            raise ConfigError(problems)
        given = LighterCredentials(
            account_index=settings.account_index,
            api_key_index=settings.api_key_index,
            private_key=key,
            chain_id=CHAIN_IDS[settings.network],
        )
        return cls(settings, given)

    @classmethod
    def with_credentials(
        cls, settings: LighterSettings, credentials: Mapping[str, str], rest_url: str, ws_url: str
    ) -> "LighterVenue":
        """Build an account from the `credentials` object that `--serve` prints: account_index, api_key_index,
        private_key, chain_id (numbers as text).

        Raises:
            ConfigError: a number is missing or is none, or as the constructor.
        """
        numbers = {}
        for key in ("account_index", "api_key_index", "chain_id"):
            text = str(credentials.get(key, ""))
            if not (text.isascii() and text.isdigit()):
                raise ConfigError([f"credentials.{key} = {text!r:.30}: must be a whole number"])
            numbers[key] = int(text)
        given = LighterCredentials(private_key=Secret(credentials.get("private_key", "")), **numbers)
        return cls(settings, given, rest_url=rest_url, ws_url=ws_url)

    def __repr__(self) -> str:
        return f"LighterVenue({self.account} at {self._rest_url})"

    @property
    def name(self) -> str:
        return NAME

    @property
    def account(self) -> str:
        return f"{self._known.index}-{self._known.api_key_index}"

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]:
        return self._rate_limits

    @property
    def rest_url(self) -> str:
        return self._rest_url

    # --- reading ---

    def server_time(self) -> Call[int]:
        return rest.server_time(self._known)

    def markets(self) -> Call[Mapping[str, MarketRules]]:
        return rest.all_markets(self._known)

    def best_price(self, symbol: str) -> Call[BestPrice]:
        return rest.best_price(self._known, symbol)

    def query_order(self, ref: OrderRef) -> Call[OrderReport]:
        """See `exchanges.lighter.lookup`: the order, its transaction, its nonce; older ones in history."""
        return lookup.query_order(self._known, ref)

    def find_order(self, symbol: str, order_id: OrderId) -> None:
        """Fills name our id."""

    def active_orders(self, symbol: str) -> Call[ActiveOrders]:
        return rest.open_orders(self._known, symbol)

    def order_fills(self, ref: OrderRef) -> Call[tuple[FillReport, ...]]:
        """Needs `ref.order_id` (trades are filtered by no other id): query the order first.

        Raises:
            ValueError: `ref.order_id` is None.
        """
        if ref.order_id is None:
            raise ValueError("the venue's order id is needed to read the fills of an order: query the order first")
        return rest.order_fills(self._known, ref)

    def recent_fills(self, symbol: str, *, after: str | None, since_ns: int) -> Call[tuple[FillReport, ...]]:  # noqa: ARG002 - of the protocol: everything since the time is read at once
        return rest.recent_fills(self._known, symbol, since_ns)

    def position(self, symbol: str) -> Call[PositionReport]:
        return rest.position(self._known, symbol)

    def account_summary(self) -> Call[AccountReport]:
        return rest.account_summary(self._known)

    def fee_rates(self, symbol: str) -> Call[FeeRates]:  # noqa: ARG002 - of the protocol: rates are the account's tier's
        """The rates of the account's tier, replaced by those of the settings where these are numbers."""
        return rest.fee_rates(self._known, *self._fees)

    # --- writing ---

    def place_limit_order(self, order: OrderRequest) -> Call[OrderReport]:
        return transactions.place_order(self._known, order)

    def cancel_order(self, ref: OrderRef) -> Call[OrderReport]:
        return transactions.cancel_order(self._known, ref)

    def cancel_all(self, symbol: str) -> Call[str]:
        """Cancel every order of one market, exits and foreign ones too; reads to the transaction's hash."""
        return transactions.cancel_all(self._known, symbol)

    def update_margin(self, symbol: str, usdc_micros: int, *, adds: bool) -> Call[str]:
        """Move collateral (in 1e-6 USDC) into or out of an isolated position; reads to the transaction's hash."""
        return transactions.update_margin(self._known, symbol, usdc_micros, adds=adds)

    def account_checks(self, setup: AccountSetup) -> tuple[Call[str | None], ...]:
        return account_setup.calls(self._known, setup)

    def shut_out_earlier(self, symbol: str) -> Call[float] | None:
        """Skip the nonces an earlier run can have used (section 9): else its orders may come for eleven minutes."""
        return earlier_runs.shut_out(self._known, symbol)

    # --- signing ---

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """Sign on the caller's thread (not the process's main one, which pays for it); thread-safe.

        `wall_ns` is the venue's clock as best known. A transaction takes the next nonce.

        Raises:
            RequestNotSent: the nonce is not known (`Call.first` asks for it), or the library refused.
        """
        return self._known.sign(request, wall_ns)

    # --- streams ---

    def order_stream(self) -> OrderStream:
        """Where transactions go one behind the other (section 8.2)."""
        return order_stream.order_stream(self._known, self._ws_url)

    def public_stream(self, symbols: tuple[str, ...]) -> StreamEndpoint:
        """Best bid and ask of the markets. Raises ConfigError until they have been read (`markets`)."""
        return stream.public_endpoint(self._known, self._ws_url, symbols)

    def open_private(self) -> Call[str]:
        """A new token. It is made here; the call itself reads the next nonce, which a new connection should know."""
        return transactions.next_nonce(self._known, lambda _nonce, received_ns: self._known.tokens.fresh(received_ns))

    def renew_private(self, credential: str) -> Call[str]:  # noqa: ARG002 - of the protocol
        """As `open_private`: whether a subscription outlives its token is not established (section 6.4)."""
        return self.open_private()

    def private_stream(self, credential: str, symbols: tuple[str, ...], *, wall_ns: int) -> StreamEndpoint:  # noqa: ARG002 - of the protocol: the account's channels carry every market
        return stream.private_endpoint(self._known, self._ws_url, credential)

    def parse_public(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return stream.parse_public(self._known, frame, received_ns)

    def parse_private(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return stream.parse_private(self._known, frame, received_ns)

    # --- ids ---

    def spell_client_order_id(self, client_order_id: ClientOrderId) -> str:
        return parsing.spell_client_order_id(client_order_id)

    def read_client_order_id(self, text: str | int | None) -> ClientOrderId | None:
        return parsing.read_client_order_id(text)


def _problems(settings: LighterSettings, credentials: LighterCredentials) -> list[str]:
    """What is wrong with the credentials, before anything is sent with them."""
    found = []
    if credentials.account_index < 1:
        found.append(
            f"account_index = {credentials.account_index}: must be the number of your account; "
            "GET /api/v1/accountsByL1Address?l1_address=YOUR_WALLET tells it"
        )
    key = credentials.private_key.reveal().removeprefix("0x")
    if len(key) != _KEY_DIGITS or not all(digit in "0123456789abcdefABCDEF" for digit in key):
        found.append(
            f"private_key_env = {settings.private_key_env!r}: its value is not a private key "
            f"({_KEY_DIGITS} hex digits, with or without 0x)"
        )
    return found
