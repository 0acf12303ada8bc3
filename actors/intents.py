"""What we were about to send: one line per order, written before its first byte leaves, and who owns which ids.

An order lane appends the intent as its last act before the socket (DESIGN.md section 3): one unbuffered write and no
sync, so it costs microseconds and survives a kill of the process. Blocks of lot sequences are reserved durably, with a
sync, before any id of them is used, so no id is ever used twice, whatever crashes.

The file is a JSON text sequence (RFC 7464): each record starts with the byte 0x1E and ends with a line feed, with a
CRC-32 in front of its JSON. A record that was torn by a kill or a full disk can therefore neither hide nor damage the
one after it. What the reader makes of a damaged file: a torn tail is dropped and counted; a damaged record in the
middle is dropped, the file is kept aside, and a problem text says so; the file of another desk or bot is refused.

After a loss of power (the machine's boot id changed, or the tail is torn) unsynced intents may be missing: every
sequence reserved until then counts as possibly sent. That is recorded once (`suspect_through`), for good: ids of such
lots are not continued, a continuation sequence is taken instead.
"""

import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

from actors.append_file import AppendFile, OsAppendFile
from actors.messages import PlaceLimitOrder, PlaceMarketOrder
from actors.runtime import runtime
from exchanges.clock import Clock
from exchanges.errors import JournalError
from exchanges.order_ids import MAX_SEQUENCE, unpack
from exchanges.records import quicken
from exchanges.values import ClientOrderId, Side

FORMAT = 1
BLOCK_SIZE = 64
LARGEST_BLOCK = 1024
_RECORD_START = b"\x1e"
FILE_NAME = "intents.log"
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_quoted = json.encoder.encode_basestring_ascii


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An order we were about to send. `lot` is the sequence in its id; `parent_lot` the lot it belongs to where that
    sequence is a continuation, else 0. Times are wall clock; `fence_wall_ns` is when it can no longer be accepted.
    `boot_id` is set by the log.
    """

    client_order_id: ClientOrderId
    grid: str
    exchange: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    post_only: bool
    reduce_only: bool
    immediate: bool
    lot: int
    parent_lot: int = 0
    sent_wall_ns: int = 0
    fence_wall_ns: int = 0
    boot_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentHistory:
    """What the file said when it was opened.

    Attributes:
        intents: In the order they were written.
        highest_sequence: No sequence up to this one may be used for a new lot.
        suspect_through: Up to this sequence, orders may have been sent whose intent was lost with the power; 0 if none.
        suspect_wall_ns: When that loss was first noticed: such an order was sent before this time.
        torn: Records dropped at the end.
        problems: Texts for a person, empty if all is well.
    """

    intents: tuple[Intent, ...] = ()
    highest_sequence: int = 0
    suspect_through: int = 0
    suspect_wall_ns: int = 0
    torn: int = 0
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Content:
    header: tuple[int, str, int] | None = None
    intents: list[Intent] = field(default_factory=list)
    highest: int = 0
    last_boot: str = ""
    suspect_through: int = 0
    suspect_wall_ns: int = 0
    torn: int = 0
    damaged: int = 0


class IntentLog:
    """The writer of one bot's intent file. Made by `open_log`.

    `append` may be called from any number of order lanes at once, without a lock: each record is one write call on a
    descriptor opened for appending, which the kernel carries out as one step, and nothing in this object changes.
    """

    def __init__(self, file: AppendFile, clock: Clock, *, boot_id: str, header: bytes, history: IntentHistory) -> None:
        self._file = file
        self._clock = clock
        self._boot_id = boot_id
        self._header = header
        self._history = history
        self._highest = history.highest_sequence
        self._reserving = runtime().new_lock()
        self._sync_failed = False

    @property
    def path(self) -> str:
        """How messages name the file."""
        return self._file.path

    @property
    def highest_sequence(self) -> int:
        """The highest sequence reserved so far."""
        return self._highest

    def append(self, intent: Intent) -> None:
        """Record an order that is about to be sent. Any thread; some microseconds, no sync.

        Raises:
            JournalError: it could not be written. Nothing may be sent under this id by a caller that needs the record.
        """
        self._file.append(encode_intent(intent, self._boot_id))

    def record(self, command: PlaceLimitOrder | PlaceMarketOrder, fence_wall_ns: int) -> None:
        """Record the order of a command, sent now; see `append`."""
        if isinstance(command, PlaceLimitOrder):
            price, flags = command.price, ("p" if command.post_only else "") + ("r" if command.reduce_only else "")
        else:
            price, flags = command.worst_price, "ri" if command.reduce_only else "i"
        # The same record as `encode_intent` makes, without the detour over an Intent and the general encoder: this
        # stands between an exit and its first byte. A test compares the two.
        body = (
            f'["order",{command.client_order_id},{_quoted(command.grid)},{_quoted(command.exchange)},'
            f'{_quoted(command.symbol)},"{command.side.value}",'
            f'"{price}","{command.quantity}","{flags}",{command.lot},{command.parent_lot},'
            f"{self._clock.wall_ns()},{fence_wall_ns},{_quoted(self._boot_id)}]"
        ).encode("ascii")
        self._file.append(b"\x1e%08x %b\n" % (zlib.crc32(body), body))

    def reserve(self, count: int = BLOCK_SIZE, owner: str = "") -> tuple[int, int]:
        """Return the first and last sequence of a block that is ours, durably, before this returns. Waits for the disk.

        Raises:
            JournalError: the disk refused, or the 22 bits of lot sequences are used up. No sequence was handed out.
        """
        if not 1 <= count <= LARGEST_BLOCK:
            raise ValueError(f"a block of {count} sequences is outside 1..{LARGEST_BLOCK}")
        with self._reserving:
            if self._sync_failed:
                # After a failed sync the kernel may have dropped the pages and call the next sync a success.
                raise JournalError(f"{self.path}: an earlier sync failed. Check the disk and start the bot again.")
            first, last = self._highest + 1, self._highest + count
            if last > MAX_SEQUENCE:
                raise JournalError(
                    f"{self.path}: lot sequences are used up ({MAX_SEQUENCE}). Go on with another desk.bot_tag."
                )
            self._file.append(encode_record(("reserved", first, last, owner, self._boot_id)))
            self._highest = last
            try:
                self._file.sync()
            except JournalError:
                self._sync_failed = True
                raise
            return first, last

    def raise_floor(self, sequence: int) -> None:
        """Never hand out sequences up to `sequence`: some other witness (the journal, the venue) has seen it used."""
        with self._reserving:
            self._highest = max(self._highest, min(sequence, MAX_SEQUENCE))

    def compact(self, keep: Callable[[Intent], bool]) -> int:
        """Rewrite the file with the intents of the history for which `keep` is true, and return how many are left.

        At the start only, before the first append: what is appended meanwhile would be lost. What must not be
        forgotten (the highest sequence, the suspicion after a loss of power) is always kept.
        """
        with self._reserving:
            kept = [intent for intent in self._history.intents if keep(intent)]
            self._file.replace(_encode_all(self._header, kept, self._highest, self._history, self._boot_id))
            return len(kept)

    def close(self) -> None:
        """Release the file. May be called twice."""
        self._file.close()


def open_log(
    file: AppendFile, clock: Clock, *, desk: str, bot_tag: int, boot_id: str
) -> tuple[IntentLog, IntentHistory]:
    """Open a bot's intent file, repaired where needed, and return the writer and what the file said.

    Args:
        file: The port to the file.
        clock: Wall time of records.
        desk: Name of the desk; with `bot_tag` it says whose file this is.
        bot_tag: The tag in this bot's ids.
        boot_id: Of the running machine, see `read_boot_id`.

    Raises:
        JournalError: another bot's file, a newer format, or the disk refused.
    """
    wall_ns = clock.wall_ns()
    content = _read_content(file.read(), bot_tag)
    if content.header is not None and content.header != (FORMAT, desk, bot_tag):
        _refuse(file.path, content.header, desk, bot_tag)
    problems: list[str] = []
    if content.damaged:
        aside = file.set_aside(f"damaged-{wall_ns}")
        # A lost record may have been a reservation: step over the largest block each could have held.
        content.highest = min(content.highest + content.damaged * LARGEST_BLOCK, MAX_SEQUENCE)
        problems.append(
            f"{file.path}: {content.damaged} damaged records were dropped, the file as it was is kept as {aside}. "
            "Orders they stood for are found at the venue by id; compare the position once."
        )
    is_other_boot = content.highest > 0 and (not boot_id or content.last_boot != boot_id)
    power_lost = bool(content.torn or content.damaged or is_other_boot)
    if power_lost:
        content.suspect_through, content.suspect_wall_ns = content.highest, wall_ns
    history = IntentHistory(
        intents=tuple(content.intents),
        highest_sequence=content.highest,
        suspect_through=content.suspect_through,
        suspect_wall_ns=content.suspect_wall_ns,
        torn=content.torn,
        problems=tuple(problems),
    )
    header = encode_record(("header", FORMAT, desk, bot_tag))
    if content.header is None or power_lost:
        file.replace(_encode_all(header, content.intents, content.highest, history, boot_id))
    return IntentLog(file, clock, boot_id=boot_id, header=header, history=history), history


def open_intents(state_dir: Path, *, desk: str, bot_tag: int, clock: Clock) -> tuple[IntentLog, IntentHistory]:
    """Open `state_dir`/intents.log on this machine; see `open_log`."""
    file = OsAppendFile(state_dir / FILE_NAME)
    return open_log(file, clock, desk=desk, bot_tag=bot_tag, boot_id=read_boot_id())


def read_boot_id() -> str:
    """Return what changes when the machine starts anew, or an empty text, which counts as changed each time.

    Linux: the kernel's boot id; macOS: the boot session's UUID.
    """
    try:
        if sys.platform == "darwin":
            command = ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")
            done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=5)  # noqa: S603 - fixed text
            return done.stdout.strip()
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def encode_intent(intent: Intent, boot_id: str) -> bytes:
    """Return the record of an intent."""
    flags = ("p" if intent.post_only else "") + ("r" if intent.reduce_only else "")
    return encode_record(
        (
            "order",
            intent.client_order_id,
            intent.grid,
            intent.exchange,
            intent.symbol,
            intent.side.value,
            str(intent.price),
            str(intent.quantity),
            flags + ("i" if intent.immediate else ""),
            intent.lot,
            intent.parent_lot,
            intent.sent_wall_ns,
            intent.fence_wall_ns,
            boot_id,
        )
    )


def encode_record(values: tuple[Any, ...]) -> bytes:
    """Return one record: 0x1E, CRC-32 in hex, a blank, JSON, line feed."""
    body = _ENCODE(values).encode("ascii")
    return b"\x1e%08x %b\n" % (zlib.crc32(body), body)


def _encode_all(header: bytes, intents: Iterable[Intent], highest: int, history: IntentHistory, boot_id: str) -> bytes:
    records = [header]
    if highest:
        records.append(encode_record(("reserved", highest, highest, "carried", boot_id)))
    if history.suspect_through:
        records.append(encode_record(("suspect", history.suspect_through, history.suspect_wall_ns)))
    records += [encode_intent(intent, intent.boot_id) for intent in intents]
    return b"".join(records)


def _read_content(data: bytes, bot_tag: int) -> _Content:
    content = _Content()
    before, *chunks = data.split(_RECORD_START)
    content.damaged += bool(before)
    for number, chunk in enumerate(chunks, start=1):
        values = _decode_record(chunk)
        if values is not None and _take(content, values, bot_tag):
            continue
        if number == len(chunks) and not chunk.endswith(b"\n"):
            content.torn += 1
        else:
            content.damaged += 1
    return content


def _take(content: _Content, values: list[Any], bot_tag: int) -> bool:
    """Put one record into the content; False if it does not have the shape its kind says."""
    try:
        match values:
            case ["header", int(version), str(desk), int(tag)]:
                content.header = (version, desk, tag)
            case ["reserved", int(), int(last), str(), str(boot_id)]:
                content.highest = max(content.highest, last)
                content.last_boot = boot_id
            case ["suspect", int(through), int(wall_ns)]:
                content.suspect_through, content.suspect_wall_ns = through, wall_ns
            case ["order", *fields]:
                intent = _to_intent(fields)
                key = unpack(intent.client_order_id)
                if key is None or key.bot_tag != bot_tag:
                    return False
                content.intents.append(intent)
                content.highest = max(content.highest, key.sequence)
                content.last_boot = intent.boot_id
            case _:
                return False
    except (TypeError, ValueError, InvalidOperation):
        return False
    return True


def _to_intent(fields: list[Any]) -> Intent:
    number, grid, exchange, symbol, side, price, quantity, flags, lot, parent_lot, sent, fence, boot_id = fields
    return Intent(
        client_order_id=ClientOrderId(int(number)),
        grid=str(grid),
        exchange=str(exchange),
        symbol=str(symbol),
        side=Side(side),
        price=Decimal(price),
        quantity=Decimal(quantity),
        post_only="p" in flags,
        reduce_only="r" in flags,
        immediate="i" in flags,
        lot=int(lot),
        parent_lot=int(parent_lot),
        sent_wall_ns=int(sent),
        fence_wall_ns=int(fence),
        boot_id=str(boot_id),
    )


def _refuse(path: str, header: tuple[int, str, int], desk: str, bot_tag: int) -> NoReturn:
    version, other_desk, other_tag = header
    if version != FORMAT:
        raise JournalError(
            f"{path} has format {version}, this program reads {FORMAT}. Use the version that wrote it, or move it away "
            "after the account is flat."
        )
    raise JournalError(
        f"{path} belongs to desk {other_desk!r} with bot_tag {other_tag}, not to {desk!r} with {bot_tag}. "
        "Give this bot a desk.state_dir of its own."
    )


def _decode_record(chunk: bytes) -> list[Any] | None:
    """Return the values of a record without its start byte, None if it is damaged."""
    checksum, _, body = chunk.partition(b" ")
    if not body.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body[:-1]):
        return None
    try:
        values = json.loads(body)
    except ValueError:
        return None
    return values if isinstance(values, list) and values else None


quicken(__name__)
