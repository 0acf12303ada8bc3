"""Aster perpetuals as a `exchanges.venue.Venue`: data and pure functions over one account (venues/aster.md)."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from exchanges.account_settings import SecretResolver, fee_rate
from exchanges.aster import account_setup, parsing, rest, stream
from exchanges.aster.settings import (
    AsterCredentials,
    AsterSettings,
    Auth,
    Network,
    credentials_from,
)
from exchanges.aster.signing import CHAIN_IDS, HmacSigner, Signer, WalletKey, WalletSigner, is_address
from exchanges.aster.validation import AccountView, denial
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

NAME: Final = "aster"

ENDPOINTS: Final[Mapping[str, Endpoints]] = MappingProxyType(
    {
        Network.MAINNET: Endpoints(rest_url="https://fapi.asterdex.com", ws_url="wss://fstream.asterdex.com"),
        # Three stream hosts are documented for the test network; this is the overview's (section 18, point 8).
        Network.TESTNET: Endpoints(
            rest_url="https://fapi.asterdex-testnet.com", ws_url="wss://fstream5.asterdex-testnet.com"
        ),
    }
)

RATE_LIMITS: Final = (
    RateLimit(unit="weight", amount=2400, per_s=60.0),
    RateLimit(unit="order", amount=1200, per_s=60.0),
    RateLimit(unit="order", amount=300, per_s=10.0),
)
"""Section 5.2; the ten-second limit stands only in the real exchangeInfo."""

_V1_AHEAD_S: Final = 1.0
_CLOCK_SLACK_S: Final = 2.0
_REDUCE_ONLY_RETRY_S: Final = 2.0


def capabilities_of(settings: AsterSettings) -> Capabilities:
    """Return what holds for an account with these settings.

    `reply_is_acceptance` is True although a post-only order that would take is acknowledged first and expires a
    moment later: the acknowledged order exists under the venue's id, and its end arrives as an ordinary cancel report.
    """
    window_s = settings.nonce_window_s if settings.auth is Auth.V3 else settings.recv_window_ms / 1000 + _V1_AHEAD_S
    return Capabilities(
        cancel_report_is_final=True,
        reply_is_acceptance=True,
        fills_have_trade_ids=True,
        reduce_only_exempt_from_minimum=True,
        fence_s=window_s + _CLOCK_SLACK_S,
        parallel_orders=True,
        order_lanes=4,
        audit_every_s=5.0,
        private_renew_s=float(settings.listen_key_renew_s),
        max_client_order_id_bits=32,
        reduce_only_retry_s=_REDUCE_ONLY_RETRY_S,
        order_ttl_s=0.0,
        used_weight_header="x-mbx-used-weight-1m",
    )


class AsterVenue:
    """One account on Aster. Immutable but for the nonce counter; every method is safe on any thread."""

    def __init__(
        self, settings: AsterSettings, credentials: AsterCredentials, *, rest_url: str = "", ws_url: str = ""
    ) -> None:
        """Take the settings and the credentials they ask for; addresses given here win over those of the settings.

        Raises:
            ConfigError: credentials that cannot work (not an address, not a key, a key of another signer); the texts
                name the setting, never a value that is secret.
        """
        endpoints = ENDPOINTS[settings.network]
        self._auth = settings.auth
        self._signer, self._account = _signer_of(settings, credentials)
        self._rest_url = (rest_url or settings.rest_url or endpoints.rest_url).rstrip("/")
        self._ws_url = (ws_url or settings.ws_url or endpoints.ws_url).rstrip("/")
        self._capabilities = capabilities_of(settings)
        self._fees = (fee_rate(settings.maker_fee_bps), fee_rate(settings.taker_fee_bps))
        self.settings = settings

    @classmethod
    def from_settings(cls, settings: AsterSettings, resolve: SecretResolver) -> "AsterVenue":
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
        cls, settings: AsterSettings, credentials: Mapping[str, str], rest_url: str, ws_url: str
    ) -> "AsterVenue":
        """Build an account from the `credentials` object that `--serve` prints: user, signer, private_key for v3,
        api_key, secret for v1. Other keys of it are not looked at.
        """
        given = AsterCredentials(
            user=credentials.get("user", ""),
            signer=credentials.get("signer", ""),
            private_key=Secret(credentials.get("private_key", "")),
            api_key=Secret(credentials.get("api_key", "")),
            secret_key=Secret(credentials.get("secret", "")),
        )
        return cls(settings, given, rest_url=rest_url, ws_url=ws_url)

    def __repr__(self) -> str:
        return f"AsterVenue({self._account} at {self._rest_url})"

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
        return rest.server_time(self._auth)

    def markets(self) -> Call[Mapping[str, MarketRules]]:
        return rest.exchange_info(self._auth)

    def best_price(self, symbol: str) -> Call[BestPrice]:
        return rest.best_price(self._auth, symbol)

    def query_order(self, ref: OrderRef) -> Call[OrderReport]:
        return rest.query_order(self._auth, ref)

    def find_order(self, symbol: str, order_id: OrderId) -> Call[OrderReport]:
        """Trade rows name no client id."""
        return rest.find_order(self._auth, symbol, order_id)

    def active_orders(self, symbol: str) -> Call[ActiveOrders]:
        return rest.open_orders(self._auth, symbol)

    def order_fills(self, ref: OrderRef) -> Call[tuple[FillReport, ...]]:
        """Needs `ref.order_id` (trade rows name no client id): query the order first.

        Raises:
            ValueError: `ref.order_id` is None.
        """
        if ref.order_id is None:
            raise ValueError("the venue's order id is needed to read the fills of an order: query the order first")
        return rest.order_trades(self._auth, ref.symbol, ref.order_id)

    def recent_fills(self, symbol: str, *, after: str | None, since_ns: int) -> Call[tuple[FillReport, ...]]:
        return rest.recent_trades(self._auth, symbol, after=after, since_ns=since_ns)

    def position(self, symbol: str) -> Call[PositionReport]:
        return rest.position_risk(self._auth, symbol)

    def account_summary(self) -> Call[AccountReport]:
        return rest.account(self._auth)

    def fee_rates(self, symbol: str) -> Call[FeeRates]:
        """The venue's rates of the account, replaced by those of the settings where these are numbers."""
        return rest.commission_rate(self._auth, symbol, *self._fees)

    # --- writing ---

    def place_limit_order(self, order: OrderRequest) -> Call[OrderReport]:
        return rest.place_order(self._auth, order)

    def cancel_order(self, ref: OrderRef) -> Call[OrderReport]:
        return rest.cancel_order(self._auth, ref)

    def cancel_all(self, symbol: str) -> Call[None]:
        """Cancel every order of one market, exits and foreign ones too."""
        return rest.cancel_all(self._auth, symbol)

    def dead_man(self, symbol: str, countdown_s: int) -> Call[None]:
        """Arm the venue's dead man's switch of one market for so many seconds; 0 disarms it."""
        return rest.countdown_cancel_all(self._auth, symbol, countdown_s * 1000)

    def denial(self, order: OrderRequest, rules: MarketRules, account: AccountView) -> str | None:
        """Return why the venue would refuse the order (text with its code), None where nothing speaks against it."""
        return denial(order, rules, account)

    def account_checks(self, setup: AccountSetup) -> tuple[Call[str | None], ...]:
        return account_setup.calls(self._auth, setup)

    def shut_out_earlier(self, symbol: str) -> None:
        """What was sent is accepted or refused within the fence."""

    # --- signing ---

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """Sign on the caller's thread; thread-safe. `wall_ns` is the venue's clock as best known.

        Raises:
            RequestNotSent: the clock was set back by more than a second (v3).
        """
        return self._signer.sign(request, wall_ns=wall_ns)

    # --- streams ---

    def order_stream(self) -> None:
        """Orders go by REST, several at a time."""

    def public_stream(self, symbols: tuple[str, ...]) -> StreamEndpoint:
        return stream.public_endpoint(self._ws_url, symbols)

    def open_private(self) -> Call[str]:
        return rest.create_listen_key(self._auth)

    def renew_private(self, credential: str) -> Call[str]:
        """Extend the key; `RequestRefused` with code -1125 means that it is gone: `open_private`."""
        return rest.renew_listen_key(self._auth, credential)

    def private_stream(self, credential: str, symbols: tuple[str, ...], *, wall_ns: int) -> StreamEndpoint:  # noqa: ARG002 - of the protocol: this venue's stream carries every market and needs no time
        return stream.private_endpoint(self._ws_url, credential)

    def parse_public(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return stream.parse_public(frame, received_ns)

    def parse_private(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return stream.parse_private(frame, received_ns)

    # --- ids ---

    def spell_client_order_id(self, client_order_id: ClientOrderId) -> str:
        return parsing.spell_client_order_id(client_order_id)

    def read_client_order_id(self, text: str | int | None) -> ClientOrderId | None:
        return parsing.read_client_order_id(text)


def _signer_of(settings: AsterSettings, credentials: AsterCredentials) -> tuple[Signer, str]:
    """The signer and the non-secret label of the account."""
    return _wallet(settings, credentials) if settings.auth is Auth.V3 else _hmac(settings, credentials)


def _wallet(settings: AsterSettings, credentials: AsterCredentials) -> tuple[Signer, str]:
    problems = []
    for setting, variable, address in (
        ("user_env", settings.user_env, credentials.user),
        ("signer_env", settings.signer_env, credentials.signer),
    ):
        if not is_address(address):
            problems.append(f"{setting} = {variable!r}: its value is not an address (0x and 40 hex digits)")
    key = None
    own = f"private_key_env = {settings.private_key_env!r}"
    try:
        key = WalletKey(credentials.private_key)
    except ValueError:
        problems.append(f"{own}: its value is not a private key (64 hex digits, with or without 0x)")
    if key is not None and not problems and key.address.lower() != credentials.signer.lower():
        problems.append(
            f"{own}: the key belongs to {key.address}, "
            f"not to the signer {credentials.signer} of {settings.signer_env!r}"
        )
    if problems or key is None:
        raise ConfigError(problems)
    signer = WalletSigner(
        user=credentials.user, key=key, signer=credentials.signer, chain_id=CHAIN_IDS[settings.network]
    )
    return signer, f"{credentials.user.lower()}-{credentials.signer.lower()}"


def _hmac(settings: AsterSettings, credentials: AsterCredentials) -> tuple[Signer, str]:
    problems = [
        f"{key} = {variable!r}: its value is empty or holds spaces or signs no key has"
        for key, variable, value in (
            ("api_key_env", settings.api_key_env, credentials.api_key),
            ("secret_key_env", settings.secret_key_env, credentials.secret_key),
        )
        if not (value.reveal().isascii() and value.reveal().isalnum())
    ]
    if problems:
        raise ConfigError(problems)
    label = hashlib.sha256(credentials.api_key.reveal().encode()).hexdigest()[:16]
    signer = HmacSigner(
        api_key=credentials.api_key, secret_key=credentials.secret_key, recv_window_ms=settings.recv_window_ms
    )
    return signer, f"key-{label}"
