"""One account as the calls of this package see it: its numbers, its key, and what is remembered between calls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from exchanges.calls import Refused
from exchanges.errors import ConfigError, RequestNotSent, RequestRefused
from exchanges.lighter.errors import BAD_TOKEN
from exchanges.lighter.library import SignedTx, SignerRefused
from exchanges.lighter.markets import Market, MarketTable
from exchanges.lighter.nonces import NonceSource
from exchanges.lighter.outcomes import CALLS, EXCHANGE
from exchanges.lighter.sent import SentBook
from exchanges.lighter.settings import LighterSettings
from exchanges.lighter.signing import TokenSource, TransactionSigner, query_bytes, transaction_bytes
from exchanges.venue import AccountSetup, Call, HttpRequest, SignedRequest
from exchanges.wire_fields import NS_PER_MS

T = TypeVar("T")

SEND_TX = "/api/v1/sendTx"
TTL = "ttl_s"
"""A parameter of this client alone: how long an order may rest. The moment of its expiry is known when it is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Numbers, signer and memory of one API key. Its parts are thread-safe each for itself."""

    index: int
    api_key_index: int
    settings: LighterSettings
    signer: TransactionSigner
    tokens: TokenSource
    nonces: NonceSource = field(default_factory=NonceSource)
    sent: SentBook = field(default_factory=SentBook)
    markets: MarketTable = field(default_factory=MarketTable)
    setups: dict[str, AccountSetup] = field(default_factory=dict)
    """What a market was brought to at the start."""
    leverage_txs: dict[tuple[str, int, bool], str] = field(default_factory=dict)
    """Hash of the transaction that set a market's leverage and margin mode."""

    def market(self, symbol: str) -> Market:
        """Return a market that the venue has listed.

        Raises:
            ConfigError: the markets were not read yet, or it is none of them.
        """
        found = self.markets.get(symbol)
        if found is None:
            raise ConfigError([f"the market {symbol} is not known (yet)"])
        return found

    def read(self, request: HttpRequest, parse: Callable[[Any, int], T], refused: Refused[T] | None = None) -> Call[T]:
        """Return a reading call; a token that the venue does not take is dropped."""

        def dropping(error: RequestRefused) -> T:
            if error.code == str(BAD_TOKEN):
                self.tokens.forget()
            return _raise(error) if refused is None else refused(error)

        return CALLS.read(request, parse, dropping)

    def sign(self, request: HttpRequest, wall_ns: int) -> SignedRequest:
        """Return a request as bytes. `wall_ns` is the venue's clock as best known.

        Raises:
            RequestNotSent: the nonce is not known, or the library refused.
        """
        if request.path != SEND_TX:
            return query_bytes(request, self.tokens.current(wall_ns) if request.signed else "")
        return transaction_bytes(request, self.sign_transaction(request, wall_ns))

    def sign_transaction(self, request: HttpRequest, wall_ns: int, behind: HttpRequest | None = None) -> SignedTx:
        """Return a transaction with the next nonce, signed. `behind` is the one it is written directly behind, on the
        same connection, where that is not answered yet.

        Raises:
            RequestNotSent: the nonce is not known, or the library refused.
        """
        arguments = {key: int(value) for key, value in request.parameters}
        ttl_s = arguments.pop(TTL, 0)
        if ttl_s:
            arguments["order_expiry"] = wall_ns // NS_PER_MS + ttl_s * 1000
        if "nonce" in arguments:
            self.nonces.claim(arguments["nonce"])
        else:
            before = None if behind is None else self.sent.get(behind.tag)
            arguments["nonce"] = self.nonces.take(None if before is None else before.nonce)
        try:
            signed = self.signer.sign(request.operation, arguments)
        except (SignerRefused, ValueError) as error:
            self.nonces.settle(arguments["nonce"], consumed=False)
            raise RequestNotSent(EXCHANGE, request.operation, str(error)) from None
        self.sent.note(request.tag, nonce=arguments["nonce"], tx_hash=signed.hash, signed_ns=wall_ns)
        return signed


def _raise(error: RequestRefused) -> NoReturn:
    raise error
