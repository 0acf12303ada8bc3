"""The toy venue as an `exchanges.venue.Venue`."""

from collections.abc import Callable, Mapping
from typing import Any

from exchanges.account_settings import secrets_from
from exchanges.errors import ConfigError
from exchanges.secrets import Secret
from exchanges.values import ClientOrderId, OrderId, OrderRef, OrderRequest
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
from tests.contract.toy.client import parsing, rest, stream
from tests.contract.toy.client.settings import ToySettings
from tests.contract.toy.client.signing import Signer

NAME = "toy"
ENDPOINTS = {"mainnet": Endpoints(rest_url="https://toy.example", ws_url="wss://toy.example")}
RATE_LIMITS = (RateLimit(unit="weight", amount=300, per_s=60.0),)
CAPABILITIES = Capabilities(
    cancel_report_is_final=True,
    reply_is_acceptance=True,
    fills_have_trade_ids=True,
    reduce_only_exempt_from_minimum=False,
    fence_s=4.0,
)


class ToyVenue:
    """One account. Immutable."""

    name = NAME
    capabilities = CAPABILITIES
    rate_limits = RATE_LIMITS

    def __init__(self, signer: Signer, endpoints: Endpoints) -> None:
        self._signer = signer
        self._ws_url = endpoints.ws_url
        self.rest_url = endpoints.rest_url
        self.account = signer.key

    @classmethod
    def from_settings(cls, settings: ToySettings, resolve: Callable[[str], Secret | str | None]) -> "ToyVenue":
        found = secrets_from({"key": settings.key_env, "secret": settings.secret_env}, resolve)
        return cls(Signer(found["key"].reveal(), found["secret"]), ENDPOINTS["mainnet"])

    @classmethod
    def with_credentials(
        cls, _settings: ToySettings, credentials: Mapping[str, str], rest_url: str, ws_url: str
    ) -> "ToyVenue":
        if not credentials.get("key") or not credentials.get("secret"):
            raise ConfigError(["credentials: key and secret are needed"])
        signer = Signer(credentials["key"], Secret(credentials["secret"]))
        return cls(signer, Endpoints(rest_url=rest_url, ws_url=ws_url))

    def server_time(self) -> Call[int]:
        return rest.server_time()

    def markets(self) -> Call[Any]:
        return rest.markets()

    def best_price(self, symbol: str) -> Call[Any]:
        return rest.price(symbol)

    def query_order(self, ref: OrderRef) -> Call[Any]:
        return rest.query(ref)

    def find_order(self, symbol: str, order_id: OrderId) -> None:
        """Fills name our id."""

    def active_orders(self, symbol: str) -> Call[Any]:
        return rest.open_orders(symbol)

    def order_fills(self, ref: OrderRef) -> Call[Any]:
        return rest.order_fills(ref.symbol, str(ref.order_id))

    def recent_fills(self, symbol: str, *, after: str | None, since_ns: int) -> Call[Any]:
        return rest.recent_fills(symbol, since_ns)

    def position(self, symbol: str) -> Call[Any]:
        return rest.position(symbol)

    def account_summary(self) -> Call[Any]:
        return rest.account()

    def fee_rates(self, _symbol: str) -> Call[Any]:
        return rest.fees()

    def place_limit_order(self, order: OrderRequest) -> Call[Any]:
        return rest.place(order)

    def cancel_order(self, ref: OrderRef) -> Call[Any]:
        return rest.cancel(ref)

    def account_checks(self, setup: AccountSetup) -> tuple[Call[str | None], ...]:
        return (rest.set_leverage(setup),)

    def shut_out_earlier(self, symbol: str) -> None:
        """What was sent is accepted or refused within the fence."""

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        return self._signer.sign(request, wall_ns)

    def order_stream(self) -> None:
        """Orders go by REST."""

    def public_stream(self, symbols: tuple[str, ...]) -> StreamEndpoint:
        return stream.public_endpoint(self._ws_url, symbols)

    def open_private(self) -> Call[str] | None:
        return None

    def renew_private(self, _credential: str) -> Call[str] | None:
        return None

    def private_stream(self, _credential: str, _symbols: tuple[str, ...], *, wall_ns: int) -> StreamEndpoint:
        return stream.private_endpoint(self._ws_url, self._signer, wall_ns)

    def parse_public(self, frame: bytes, received_ns: int) -> tuple[Any, ...]:
        return stream.parse_public(frame, received_ns)

    def parse_private(self, frame: bytes, received_ns: int) -> tuple[Any, ...]:
        return stream.parse_private(frame, received_ns)

    def spell_client_order_id(self, client_order_id: ClientOrderId) -> str:
        return parsing.spell_client_order_id(client_order_id)

    def read_client_order_id(self, text: str | int | None) -> ClientOrderId | None:
        return parsing.read_client_order_id(text)
