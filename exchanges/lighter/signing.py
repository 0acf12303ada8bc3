"""Signing of transactions and tokens for one API key, and the bytes of requests (venues/lighter.md, sections 5, 6, 8).

The library silently cuts prices to 32 bits, so every argument is checked against its range before it is called. It
keeps one key per (account, slot) for the whole process: two venues of one process that use the same slot with different
keys or chains take turns, each with its own key.
"""

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import urlencode

from exchanges.errors import RequestNotSent
from exchanges.lighter.library import SIGNATURES, SignedTx, SignerLibrary, SignerRefused
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.settings import LighterCredentials
from exchanges.venue import HttpRequest, SignedRequest

TOKEN_LIFE_S: Final = 7 * 3600
"""The venue takes at most 8 h."""
_TOKEN_MARGIN_S: Final = 1800
_NS: Final = 1_000_000_000
_HEADERS: Final = {"User-Agent": "Mozilla/5.0 (compatible; grid-actors)"}
"""The firewall in front of the venue refuses clients that name nothing like a browser (section 1)."""
_FORM: Final = {**_HEADERS, "Content-Type": "application/x-www-form-urlencoded"}

RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "market_index": (0, 2**15 - 1),
        "client_order_index": (0, 2**48 - 1),
        "order_index": (1, 2**60 - 1),
        "base_amount": (1, 2**48 - 1),
        "price": (1, 2**32 - 1),
        "is_ask": (0, 1),
        "order_type": (0, 6),
        "time_in_force": (0, 2),
        "reduce_only": (0, 1),
        "trigger_price": (0, 2**32 - 1),
        "order_expiry": (0, 2**53),
        "time_ms": (0, 2**53),
        "initial_margin_fraction": (1, 10_000),
        "margin_mode": (0, 1),
        "direction": (0, 1),
        "usdc_amount": (1, 2**60),
        "self_trade_behavior": (0, 3),
        "self_trade_equality": (0, 1),
        "skip_nonce": (0, 1),
        "nonce": (0, 2**47),
        "order_version": (0, 2**48),
    }
)
"""Argument -> the least and the largest value that is passed on. A nonce of -1 would make the library ask the venue
itself and block; a base amount of 0 would be a reduce-only order over the whole position, which this bot never sends.
"""


def checked(function: str, arguments: Mapping[str, int]) -> dict[str, int]:
    """Return the arguments of a function of the library, 0 for those that are left out.

    Raises:
        ValueError: an argument the function does not have, or one that is no integer within its range.
    """
    names = [name for name, _ in SIGNATURES[function]]
    unknown = arguments.keys() - set(names)
    if unknown:
        raise ValueError(f"{function} has no {', '.join(sorted(unknown))}")
    values = {name: arguments.get(name, 0) for name in names}
    for name, value in values.items():
        low, high = RANGES.get(name, (0, 2**62))
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{name} = {value!r:.40} is not a whole number within {low}..{high}")
    return values


class TransactionSigner(Protocol):
    """What signs for one API key. Thread-safe. The simulation brings a deterministic one of the same shape."""

    def sign(self, function: str, arguments: Mapping[str, int]) -> SignedTx:
        """Sign with arguments that `checked` has passed, without account and slot. Raises SignerRefused."""
        ...

    def token(self, deadline_s: int) -> str:
        """Return a token that is valid until a unix time. Raises SignerRefused."""
        ...


_slots: Final[dict[tuple[int, int], tuple[threading.Lock, list[object]]]] = {}
"""Per (account, slot) of this process: a lock, and whose key the library has at the moment."""
_slots_lock: Final = threading.Lock()


class NativeSigner:
    """One API key in the venue's own library, which is loaded at the first signature, on the thread that signs."""

    def __init__(self, credentials: LighterCredentials, library: Callable[[], SignerLibrary]) -> None:
        self._credentials = credentials
        self._library = library
        key = (credentials.account_index, credentials.api_key_index)
        with _slots_lock:
            self._lock, self._owner = _slots.setdefault(key, (threading.Lock(), [None]))

    def __repr__(self) -> str:
        return f"NativeSigner({self._credentials.account_index}, slot {self._credentials.api_key_index})"

    def sign(self, function: str, arguments: Mapping[str, int]) -> SignedTx:
        """See `TransactionSigner.sign`."""
        slot = {"api_key_index": self._credentials.api_key_index, "account_index": self._credentials.account_index}
        values = checked(function, {**arguments, **slot})
        with self._lock:
            return self._own_client().sign(function, values)

    def token(self, deadline_s: int) -> str:
        """See `TransactionSigner.token`."""
        given = self._credentials
        with self._lock:
            return self._own_client().auth_token(
                deadline_s, api_key_index=given.api_key_index, account_index=given.account_index
            )

    def _own_client(self) -> SignerLibrary:
        """The library with our key in the slot. Called with the slot's lock held."""
        library, given = self._library(), self._credentials
        if self._owner[0] is not self:
            library.create_client(
                given.private_key.reveal(),
                chain_id=given.chain_id,
                api_key_index=given.api_key_index,
                account_index=given.account_index,
            )
            self._owner[0] = self
        return library


class TokenSource:
    """The token that reads the account's private data: minted here, kept for hours, renewed well before its end."""

    def __init__(self, signer: TransactionSigner) -> None:
        self._signer = signer
        self._lock = threading.Lock()
        self._token = ""
        self._deadline_s = 0

    def current(self, wall_ns: int) -> str:
        """Return a token with at least half an hour to live. `wall_ns` is the venue's clock as best known.

        Raises:
            RequestNotSent: the library refused.
        """
        with self._lock:
            now_s = wall_ns // _NS
            # A clock that was set back would leave a deadline further ahead than the venue takes.
            if not now_s + _TOKEN_MARGIN_S <= self._deadline_s <= now_s + TOKEN_LIFE_S + _TOKEN_MARGIN_S:
                self._mint(now_s)
            return self._token

    def fresh(self, wall_ns: int) -> str:
        """Return a new token. Raises as `current`."""
        with self._lock:
            self._mint(wall_ns // _NS)
            return self._token

    def forget(self) -> None:
        """Drop the token: the venue does not take it."""
        with self._lock:
            self._deadline_s = 0

    def _mint(self, now_s: int) -> None:
        try:
            self._token = self._signer.token(now_s + TOKEN_LIFE_S)
        except SignerRefused as error:
            raise RequestNotSent(EXCHANGE, "auth token", str(error)) from None
        self._deadline_s = now_s + TOKEN_LIFE_S


def query_bytes(request: HttpRequest, token: str) -> SignedRequest:
    """Return a reading request as bytes, with a token where there is one."""
    query = urlencode(request.parameters)
    headers = {**_HEADERS, "Authorization": token} if token else _HEADERS
    target = f"{request.path}?{query}" if query else request.path
    return SignedRequest(operation=request.operation, method=request.method, target=target, headers=headers)


def form_of(transaction: SignedTx) -> bytes:
    """Return the form that carries a signed transaction to `sendTx`."""
    return urlencode({"tx_type": str(transaction.tx_type), "tx_info": transaction.info}).encode()


def transaction_bytes(request: HttpRequest, transaction: SignedTx) -> SignedRequest:
    """Return a signed transaction as bytes."""
    return SignedRequest(
        operation=request.operation,
        method=request.method,
        target=request.path,
        headers=_FORM,
        body=form_of(transaction),
    )
