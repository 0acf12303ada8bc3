"""The venue's signing library: a prebuilt binary inside the `lighter-sdk` wheel, loaded without importing the SDK.

Importing the SDK takes a second (aiohttp, pydantic, eth_account); loading the one file takes milliseconds
(venues/lighter.md, section 5.1). The signatures of its functions changed between releases and ctypes does not notice,
so only files whose hash is recorded here are loaded (RELIABILITY.md E17).

Every entry into the library from the process's main thread costs about 300 us, four of them per signature; from any
other thread it costs nothing (section 7). So sign on the lanes' threads.
"""

import ctypes
import hashlib
import importlib.metadata
import importlib.util
import platform
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from exchanges.errors import ConfigError

DISTRIBUTION: Final = "lighter-sdk"
VERSION: Final = "1.1.8"
HASHES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lighter-signer-linux-amd64.so": "7f107a0e2240aa40c9f0ae8aba396380fe62892fe199dd3691e3103fc9a6fd8e",
        "lighter-signer-linux-arm64.so": "9088ced1545e4cf81b6a4e18102c9459f3145215256c9d2f0a7ee4d160d7dfae",
        "lighter-signer-darwin-amd64.dylib": "cc7a6b7c4736d09e9bf236def745e132d962a30c91d72235d579c44d895cfaa1",
        "lighter-signer-darwin-arm64.dylib": "b58e94ae6149be8c4e2ca90a6058fcb86e3c16604d0f09c3be29034b8feb2630",
    }
)
"""SHA-256 of each library in the wheel of `VERSION`."""

_REMEDY: Final = f"run pip install '{DISTRIBUTION}=={VERSION}'"
_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ENDINGS: Final = {"Linux": "so", "Darwin": "dylib"}

_I64, _I32, _U8 = ctypes.c_longlong, ctypes.c_int, ctypes.c_uint8
_KEY: Final = (("nonce", _I64), ("api_key_index", _I32), ("account_index", _I64))
_SKIP: Final = (("skip_nonce", _U8),)
_INTEGRATOR: Final = (
    *(("integrator_account_index", _I64), ("integrator_taker_fee", _I32), ("integrator_maker_fee", _I32)),
    *(("self_trade_behavior", _U8), ("self_trade_equality", _U8)),
)

SIGNATURES: Final[Mapping[str, tuple[tuple[str, Any], ...]]] = MappingProxyType(
    {
        "SignCreateOrder": (
            *(("market_index", _I64), ("client_order_index", _I64), ("base_amount", _I64), ("price", _I32)),
            *(("is_ask", _I32), ("order_type", _I32), ("time_in_force", _I32), ("reduce_only", _I32)),
            *(("trigger_price", _I32), ("order_expiry", _I64)),
            *_INTEGRATOR,
            *_SKIP,
            *_KEY,
        ),
        "SignCancelOrder": (("market_index", _I64), ("order_index", _I64), *_SKIP, *_KEY),
        "SignCancelAllOrders": (
            *(("time_in_force", _I32), ("time_ms", _I64), ("market_index", _I64)),
            *_SKIP,
            *_KEY,
        ),
        "SignModifyOrder": (
            *(("market_index", _I64), ("order_index", _I64), ("base_amount", _I64), ("price", _I64)),
            ("trigger_price", _I64),
            *_INTEGRATOR,
            *_SKIP,
            *(("nonce", _I64), ("order_version", _I64), ("api_key_index", _I32), ("account_index", _I64)),
        ),
        "SignUpdateLeverage": (
            *(("market_index", _I64), ("initial_margin_fraction", _I32), ("margin_mode", _I32)),
            *_SKIP,
            *_KEY,
        ),
        "SignUpdateMargin": (
            *(("market_index", _I64), ("usdc_amount", _I64), ("direction", _I32)),
            *_SKIP,
            *_KEY,
        ),
    }
)
"""Function -> its arguments in order, by name (section 5.3)."""


class SignerRefused(Exception):
    """The library refused its arguments; the text is its own."""


@dataclass(frozen=True, slots=True)
class SignedTx:
    """A signed transaction: the JSON text to send as it is, and the hash the venue will know it by (hex)."""

    tx_type: int
    info: str
    hash: str


class _SignedReply(ctypes.Structure):
    _fields_ = (
        ("tx_type", ctypes.c_uint8),
        ("info", ctypes.c_void_p),
        ("hash", ctypes.c_void_p),
        ("message", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
    )


class _TextReply(ctypes.Structure):
    _fields_ = (("text", ctypes.c_void_p), ("error", ctypes.c_void_p))


def file_name(system: str, machine: str) -> str | None:
    """Return the name of the library for a platform, None where there is none that this bot uses."""
    ending, arch = _ENDINGS.get(system), _MACHINES.get(machine.lower())
    return f"lighter-signer-{system.lower()}-{arch}.{ending}" if ending and arch else None


@cache
def locate() -> Path:
    """Return the verified library of this machine.

    Raises:
        ConfigError: the wheel is not installed or is another version, the platform has no library, or the file is not
            the one that is known.
    """
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError([f"the signing library of Lighter is not installed: {_REMEDY}"]) from None
    if version != VERSION:
        raise ConfigError([f"{DISTRIBUTION} {version} is installed, this bot knows {VERSION}: {_REMEDY}"])
    spec = importlib.util.find_spec("lighter")
    folders = spec.submodule_search_locations if spec is not None else None
    name = file_name(platform.system(), platform.machine())
    if not folders or name is None:
        where = f"{platform.system()} {platform.machine()}"
        raise ConfigError([f"{DISTRIBUTION} has no signing library for {where}"])
    path = Path(folders[0]) / "signers" / name
    check_file(path, HASHES[name])
    return path


def check_file(path: Path, expected: str) -> None:
    """Raise ConfigError where a file is not there or its SHA-256 is another than expected (hex)."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError([f"{path.name} cannot be read ({error.strerror}): {_REMEDY}"]) from None
    if found != expected:
        raise ConfigError(
            [f"{path.name} is not the file of {DISTRIBUTION} {VERSION} (sha256 {found}): it is not loaded; {_REMEDY}"]
        )


_loading: Final = threading.Lock()


@cache
def _loaded(path: Path) -> "SignerLibrary":
    return SignerLibrary(path)


def load() -> "SignerLibrary":
    """Return the library, loaded once per process. Any thread; starts the Go runtime's threads. Raises as `locate`."""
    with _loading:
        return _loaded(locate())


class SignerLibrary:
    """The loaded library. Thread-safe: the library is, and ctypes lets go of the interpreter's lock meanwhile."""

    def __init__(self, path: Path) -> None:
        native = ctypes.CDLL(str(path))
        self._free = native.Free
        self._free.argtypes, self._free.restype = (ctypes.c_void_p,), None
        self._create_client = native.CreateClient
        self._create_client.argtypes = (ctypes.c_char_p, ctypes.c_char_p, _I32, _I32, _I64)
        self._create_client.restype = ctypes.c_void_p
        self._create_token = native.CreateAuthToken
        self._create_token.argtypes, self._create_token.restype = (_I64, _I32, _I64), _TextReply
        self._functions = {}
        for name, arguments in SIGNATURES.items():
            function = getattr(native, name)
            function.argtypes, function.restype = tuple(kind for _, kind in arguments), _SignedReply
            self._functions[name] = function

    def create_client(self, private_key: str, *, chain_id: int, api_key_index: int, account_index: int) -> None:
        """Give the library the key of a slot, in place of any it had. No network is used.

        Raises:
            SignerRefused: the key or the account cannot be used.
        """
        # The library wants an address for calls this bot never makes (its own nonce and key queries).
        error = self._create_client(b"http://127.0.0.1:9", private_key.encode(), chain_id, api_key_index, account_index)
        self._raise(self._take(error))

    def sign(self, function: str, arguments: Mapping[str, int]) -> SignedTx:
        """Sign a transaction. Each call draws a new random number: the same arguments give another signature.

        Raises:
            SignerRefused: with the library's text.
        """
        values = [arguments[name] for name, _ in SIGNATURES[function]]
        reply = self._functions[function](*values)
        info, tx_hash, _, error = (
            self._take(reply.info), self._take(reply.hash), self._take(reply.message), self._take(reply.error),
        )  # fmt: skip
        self._raise(error)
        return SignedTx(reply.tx_type, info, tx_hash)

    def auth_token(self, deadline_s: int, *, api_key_index: int, account_index: int) -> str:
        """Return a token that reads the account's private data until a unix time. Raises SignerRefused."""
        reply = self._create_token(deadline_s, api_key_index, account_index)
        text, error = self._take(reply.text), self._take(reply.error)
        self._raise(error)
        return text

    def _take(self, pointer: int | None) -> str:
        """Copy a string of the library and free it."""
        if not pointer:
            return ""
        try:
            return ctypes.string_at(pointer).decode(errors="replace")
        finally:
            self._free(pointer)

    @staticmethod
    def _raise(error: str) -> None:
        if error:
            raise SignerRefused(error)
