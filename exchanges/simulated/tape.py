"""A recorded market played back: csv or csv.gz with one row per change of the best bid/ask (Q) or trade (T).

Columns: ``ts_ns,kind,bid,bid_qty,ask,ask_qty,price,qty,buyer_is_maker``; a Q row fills the four quote columns, a T row
the last three. `ts_ns` is the recorder's clock. The venue's clock is the wall: the first row happens at the start, and
the time between rows is divided by `speed`; nothing else is scaled. At the end the last quote stands and `finished` is
true.

A file is read through once when it is opened, so that a bad line is found before the first order; the rows are then
streamed, whatever the size of the file.
"""

import csv
import functools
import gzip
import io
import math
import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, BinaryIO

from exchanges.errors import ConfigError
from exchanges.rounding import ceil_to, floor_to
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices import Tick
from exchanges.values import ZERO, MarketRules

COLUMNS = ("ts_ns", "kind", "bid", "bid_qty", "ask", "ask_qty", "price", "qty", "buyer_is_maker")

_GZIP_MAGIC = b"\x1f\x8b"
_BOOLEANS = {"1": True, "true": True, "True": True, "0": False, "false": False, "False": False}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?")  # Decimal alone would take NaN, 1_0, other scripts
_MANY_DIGITS = 30
_DEAREST_STEP = Decimal(100)
"""A quantity step dearer than this in quote units is that of a contract, not of a base asset."""
_COARSEST_TICK = Decimal("0.0005")
"""A price step that is a larger share of the price was never a market's: the tape has few different prices."""
_PORTION = 200
_LONGEST_LAG_NS = 5_000_000_000
_KEPT_FACTS = 4
_KEPT_NUMBERS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeFacts:
    """What a tape says about its market.

    Attributes:
        rows: Quotes and trades.
        first_ns: Recorder's clock at the first row.
        last_ns: And at the last.
        tick: Largest price step every price is a multiple of.
        step: Largest quantity step every quantity is a multiple of.
        first_price: The first bid.
    """

    rows: int
    first_ns: int
    last_ns: int
    tick: Decimal
    step: Decimal
    first_price: Decimal


@functools.lru_cache(maxsize=_KEPT_NUMBERS)
def _number(text: str) -> Decimal | None:
    """Return a plain number, None for anything else. Kept: the same prices and sizes come again and again."""
    return Decimal(text) if len(text) <= _MANY_DIGITS and _NUMBER.fullmatch(text) else None


class _Line:
    """One line of the file with the name of its place, for errors."""

    def __init__(self, path: Path, number: int, cells: list[str], columns: dict[str, int]) -> None:
        self._path = path
        self._number = number
        self._cells = cells
        self._columns = columns

    def problem(self, column: str, why: str) -> ConfigError:
        return ConfigError((f"{self._path}, line {self._number}: {column} {self.cell(column)!r} {why}",))

    def cell(self, column: str) -> str:
        return self._cells[self._columns[column]].strip()

    def number(self, column: str, *, least: Decimal | None = None) -> Decimal:
        value = _number(self.cell(column))
        if value is None:
            raise self.problem(column, "is not a plain number")
        if least is None and value <= 0:
            raise self.problem(column, "must be above 0")
        if least is not None and value < least:
            raise self.problem(column, f"must be at least {least}")
        return value

    def nanoseconds(self) -> int:
        text = self.cell("ts_ns")
        if not (text.isascii() and text.isdigit()):
            raise self.problem("ts_ns", "is not a whole number of nanoseconds")
        return int(text)

    def tick(self, symbol: str) -> Tick:
        kind = self.cell("kind")
        if kind == "Q":
            bid, ask = self.number("bid"), self.number("ask")
            return QuoteTick(symbol, bid, self.number("bid_qty", least=ZERO), ask, self.number("ask_qty", least=ZERO))
        if kind == "T":
            flag = _BOOLEANS.get(self.cell("buyer_is_maker"))
            if flag is None:
                raise self.problem("buyer_is_maker", "is neither 0 nor 1")
            return TradeTick(symbol, self.number("price"), self.number("qty"), flag)
        raise self.problem("kind", "is neither Q nor T")


def _open(path: Path) -> IO[str]:
    try:
        raw = path.open("rb")
        magic = raw.peek(2)[:2] if isinstance(raw, io.BufferedReader) else b""
    except OSError as error:
        raise ConfigError((f"paper.tape = {path}: {error.strerror or error}",)) from None
    if magic == _GZIP_MAGIC:
        return io.TextIOWrapper(_Unzipped(raw), encoding="utf-8", newline="")
    return io.TextIOWrapper(raw, encoding="utf-8", newline="")


class _Unzipped(gzip.GzipFile):
    """A GzipFile that closes the file it was given, which the standard one leaves open."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__(fileobj=raw, mode="rb")
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


def _rows(path: Path, symbol: str) -> Generator[tuple[int, Tick], None, None]:
    """Yield (recorder's time, tick); a step back in time counts as no step. Raises ConfigError."""
    with _open(path) as stream:
        reader = csv.reader(stream)
        try:
            columns = _header(path, next(reader, []))
            last_ns = 0
            for cells in reader:
                if not cells:
                    continue
                line = _Line(path, reader.line_num, cells, columns)
                if len(cells) != len(columns):
                    raise ConfigError(
                        (f"{path}, line {reader.line_num}: {len(cells)} columns instead of {len(columns)}",)
                    )
                last_ns = max(last_ns, line.nanoseconds())
                yield last_ns, line.tick(symbol)
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError((f"{path}, after line {reader.line_num}: not readable ({error})",)) from None


def _header(path: Path, cells: list[str]) -> dict[str, int]:
    names = [cell.strip().lstrip("\ufeff") for cell in cells]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ConfigError((f"{path}, line 1: the header {','.join(names)!r} lacks {', '.join(missing)}",))
    return {name: index for index, name in enumerate(names)}


class _Grid:
    """The largest step that all numbers seen are multiples of."""

    def __init__(self) -> None:
        self._digits = 0
        self._unit = 0
        self._seen: set[Decimal] = set()

    def add(self, value: Decimal) -> None:
        if value in self._seen:
            return
        if len(self._seen) < _KEPT_NUMBERS:
            self._seen.add(value)
        exponent = value.normalize().as_tuple().exponent
        digits = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        if digits > self._digits:
            self._unit *= 10 ** (digits - self._digits)
            self._digits = digits
        self._unit = math.gcd(self._unit, int(value.scaleb(self._digits)))

    def step(self) -> Decimal:
        return Decimal(self._unit).scaleb(-self._digits) if self._unit else Decimal(1)


def read_facts(path: Path) -> TapeFacts:
    """Read a tape through and return what it says. Raises ConfigError naming file, line and value.

    It takes a second or two for a long one, so the facts of the same file are kept: every venue of a run plays it.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError((f"paper.tape = {path}: {error.strerror or error}",)) from None
    return _read_facts(path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@functools.lru_cache(maxsize=_KEPT_FACTS)
def _read_facts(path: Path, _version: tuple[int, ...]) -> TapeFacts:
    prices, sizes = _Grid(), _Grid()
    rows, first_ns, last_ns, first_price = 0, 0, 0, ZERO
    for at_ns, tick in _rows(path, ""):
        if isinstance(tick, QuoteTick):
            prices.add(tick.bid)
            prices.add(tick.ask)
            sizes.add(tick.bid_qty)
            sizes.add(tick.ask_qty)
            first_price = first_price or tick.bid
        else:
            prices.add(tick.price)
            sizes.add(tick.qty)
        rows += 1
        first_ns = first_ns or at_ns
        last_ns = at_ns
    if not first_price:
        raise ConfigError((f"{path}: there is no quote (kind Q) in it",))
    return TapeFacts(
        rows=rows,
        first_ns=first_ns,
        last_ns=last_ns,
        tick=prices.step(),
        step=sizes.step(),
        first_price=first_price,
    )


def tape_rules(facts: TapeFacts, symbol: str, quote_asset: str = "USDT") -> MarketRules:
    """Return the market's rules as the tape suggests them.

    A quantity step worth more than 100 quote units (a tape in contracts) is divided by ten until it is not: quantities
    are taken as base units, and such a step would leave no order of ordinary size. A price step above 5 basis points (a
    short tape of round prices) likewise: it would leave no room for a take-profit.
    """
    step, tick = facts.step, facts.tick
    while step * facts.first_price > _DEAREST_STEP:
        step /= 10
    while tick > _COARSEST_TICK * facts.first_price:
        tick /= 10
    return MarketRules(
        symbol=symbol,
        tick=tick,
        step=step,
        min_quantity=step,
        max_quantity=step * 1_000_000,
        market_max_quantity=step * 100_000,
        min_notional=Decimal(5),
        reduce_only_exempt=True,
        min_price=tick,
        max_price=max(tick * 100_000_000, facts.first_price * 1000),
        band_up=Decimal("1.05"),
        band_down=Decimal("0.95"),
        base_asset=symbol.removesuffix(quote_asset),
        quote_asset=quote_asset,
        max_leverage=125,
    )


class TapePrices:
    """One market's tape as a `PriceSource`. The constructor reads the file through (see `read_facts`).

    `tick` is the market's: a finer tape is played on it, bids rounded down and asks up. None for the tape's own.
    `is_served` is for a venue that has clients: on a machine that is busy elsewhere late rows come in portions, stamped
    with the time they come, so that the venue can answer in between; what is later than five seconds moves the rest of
    the tape.
    """

    def __init__(
        self,
        path: Path,
        symbol: str,
        *,
        speed: Decimal = Decimal(1),
        tick: Decimal | None = None,
        is_served: bool = False,
    ) -> None:
        if speed <= 0:
            raise ConfigError((f"paper.speed = {speed}: a tape in paper mode needs a speed above 0",))
        self.facts = read_facts(path)
        self._tick = tick if tick is not None and self.facts.tick % tick else None
        self._speed = speed
        self._is_served = is_served
        self._asked_ns = 0
        self._rows = _rows(path, symbol)
        self._start_ns = 0
        self._head: tuple[int, Tick] | None = None

    def start(self, now_ns: int) -> None:
        """See `PriceSource`."""
        self._start_ns = now_ns
        self._pull()

    def events_until(self, now_ns: int) -> Iterator[tuple[int, Tick]]:
        """See `PriceSource`."""
        since_ns, self._asked_ns = self._asked_ns, now_ns
        if self._is_served:
            self._move(now_ns)
        left = _PORTION if self._is_served else -1
        while left and self._head is not None and self._head[0] <= now_ns:
            at_ns, row = self._head
            self._pull()
            left -= 1
            yield max(at_ns, since_ns), row

    def next_ns(self) -> int | None:
        """See `PriceSource`."""
        return None if self._head is None else self._head[0]

    @property
    def finished(self) -> bool:
        """See `PriceSource`: true once the last row was given."""
        return self._start_ns > 0 and self._head is None

    def close(self) -> None:
        """See `PriceSource`."""
        self._head = None
        self._rows.close()

    def _move(self, now_ns: int) -> None:
        """Move the rest of the tape to where its next row is no later than allowed."""
        late_ns = 0 if self._head is None else now_ns - _LONGEST_LAG_NS - self._head[0]
        if self._head is not None and late_ns > 0:
            self._start_ns += late_ns
            self._head = (self._head[0] + late_ns, self._head[1])

    def _pull(self) -> None:
        row = next(self._rows, None)
        if row is None:
            self._head = None
            return
        at_ns, tick = row
        if self._tick is not None:
            tick = _on_grid(tick, self._tick)
        self._head = (self._start_ns + int((at_ns - self.facts.first_ns) / self._speed), tick)


def _on_grid(row: Tick, tick: Decimal) -> Tick:
    """Return a row with its prices on the market's tick: never crossed, and never better than they were."""
    if isinstance(row, QuoteTick):
        return row._replace(bid=max(floor_to(row.bid, tick), tick), ask=ceil_to(row.ask, tick))
    price = floor_to(row.price, tick) if row.buyer_is_maker else ceil_to(row.price, tick)
    return row._replace(price=max(price, tick))
