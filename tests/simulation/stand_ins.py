"""What the simulation puts in the place of a few things that reach for the machine.

- The vendor's native signer of Lighter reads the machine's clock and draws random numbers: a deterministic one of the
  same shape signs, and the face checks against the same stand-in. Everything else of Lighter's transactions (fields,
  ranges, nonces, expiry) is the production code of both sides. The native one is held to vectors and to loopback tests.
- The file of intents may lose what was not synced, and may refuse.
- The journal writes twice a second instead of twenty times: fewer turns, and a longer tail for a crash to lose.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha512
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from actors.append_file import OsAppendFile
from exchanges.clock import Clock
from exchanges.errors import JournalError
from exchanges.lighter.library import SignedTx
from exchanges.lighter.signing import checked
from exchanges.simulated.lighter_crypto import transactions as wire

JOURNAL_EVERY_NS: Final = 500_000_000
_NS_PER_MS: Final = 1_000_000
_LIFE_MS: Final = 599_000
_TYPES: Final = {
    "SignCreateOrder": wire.CREATE_ORDER,
    "SignCancelOrder": wire.CANCEL_ORDER,
    "SignUpdateLeverage": wire.UPDATE_LEVERAGE,
}
_NAMES: Final = {
    "Nonce": "nonce",
    "AccountIndex": "account_index",
    "ApiKeyIndex": "api_key_index",
    "MarketIndex": "market_index",
    "ClientOrderIndex": "client_order_index",
    "BaseAmount": "base_amount",
    "Price": "price",
    "IsAsk": "is_ask",
    "Type": "order_type",
    "TimeInForce": "time_in_force",
    "ReduceOnly": "reduce_only",
    "TriggerPrice": "trigger_price",
    "OrderExpiry": "order_expiry",
    "Index": "order_index",
    "InitialMarginFraction": "initial_margin_fraction",
    "MarginMode": "margin_mode",
}


def stand_in_hash(chain_id: int, tx_type: int, info: Mapping[str, Any]) -> bytes:
    """Return 40 bytes that stand for the hash of a transaction."""
    words = [*map(int, wire.preimage(chain_id, tx_type, info)), *sorted(wire.attributes(info).items())]
    return sha512(repr(words).encode()).digest()[:40]


def stand_in_signature(message: bytes) -> bytes:
    """Return 80 bytes that stand for a signature of 40."""
    digest = sha512(b"signed" + message).digest()
    return digest + digest[:16]


def stand_in_verify(_public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is the stand-in's."""
    return signature == stand_in_signature(message)


def stand_in_text_hash(message: str) -> bytes:
    """Return 40 bytes that stand for the hash of a token's text."""
    return sha512(message.encode()).digest()[:40]


@dataclass(frozen=True)
class StandInSigner:
    """See `exchanges.lighter.signing.TransactionSigner`. Reads its machine's clock, as the library does."""

    account_index: int
    api_key_index: int
    chain_id: int
    clock: Clock

    def sign(self, function: str, arguments: Mapping[str, int]) -> SignedTx:
        slot = {"api_key_index": self.api_key_index, "account_index": self.account_index}
        values = checked(function, {**arguments, **slot})
        tx_type = _TYPES[function]
        info: dict[str, Any] = {
            name: values[_NAMES[name]] for name in (*wire.COMMON, *wire.FIELDS[tx_type]) if name != "ExpiredAt"
        }
        info["ExpiredAt"] = self.clock.wall_ns() // _NS_PER_MS + _LIFE_MS
        info["L2TxAttributes"] = {"4": 1} if values["skip_nonce"] else None
        digest = stand_in_hash(self.chain_id, tx_type, info)
        info["Sig"] = base64.b64encode(stand_in_signature(digest)).decode()
        return SignedTx(tx_type, json.dumps(info, separators=(",", ":")), digest.hex())

    def token(self, deadline_s: int) -> str:
        text = f"{deadline_s}:{self.account_index}:{self.api_key_index}"
        return f"{text}:{stand_in_signature(stand_in_text_hash(text)).hex()}"


@dataclass
class Disk:
    """The disk of the bot's machine, as far as it can fail."""

    is_full: bool = False
    boot: int = 1
    unsynced: dict[str, int] = field(default_factory=dict)
    """Path of a file -> how many bytes at its end a loss of power would take."""

    def lose_power(self, folder: Path) -> None:
        """Take what was appended and not synced in a folder, and count a new boot of the machine."""
        for path, size in self.unsynced.items():
            file = folder / Path(path).name
            if size and file.is_file():
                data = file.read_bytes()
                # half of the lost tail may have reached the disk all the same, torn anywhere
                file.write_bytes(data[: len(data) - size + size // 2])
        self.unsynced.clear()
        self.boot += 1


def _file_on(disk: Disk) -> type[OsAppendFile]:
    class DiskFile(OsAppendFile):
        def append(self, data: bytes, /) -> None:
            if disk.is_full:
                raise JournalError(f"{self.path} cannot be appended to: no space left. Free space on that disk.")
            super().append(data)
            disk.unsynced[self.path] = disk.unsynced.get(self.path, 0) + len(data)

        def sync(self) -> None:
            # tmpfs has nothing to sync
            disk.unsynced[self.path] = 0

        def replace(self, data: bytes, /) -> None:
            super().replace(data)
            disk.unsynced[self.path] = 0

    return DiskFile


@contextmanager
def stand_ins(disk: Disk) -> Iterator[None]:
    """Put all of them in place for a block."""
    with ExitStack() as stack:
        for target, value in (
            ("actors.intents.OsAppendFile", _file_on(disk)),
            ("actors.intents.read_boot_id", lambda: f"boot-{disk.boot}"),
            ("actors.journal.state.read_boot_id", lambda: f"boot-{disk.boot}"),
            ("actors.journal.actor.FLUSH_EVERY_NS", JOURNAL_EVERY_NS),
            ("exchanges.simulated.faces.lighter.transactions.tx_hash", stand_in_hash),
            ("exchanges.simulated.faces.lighter.gate.verify", stand_in_verify),
            ("exchanges.simulated.faces.lighter.gate.text_hash", stand_in_text_hash),
        ):
            stack.enter_context(patch(target, value))
        yield
