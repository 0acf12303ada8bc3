"""What a person sees while the bot runs on a terminal: one picture of the bot, redrawn a few times a second.

The view only reads `BotStatus` pictures; it holds no reference to an actor and cannot disturb one.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from actors.app.grid_view import Form, GridPicture, grid_panel, money, panel_height, seconds
from actors.price_stream import FeedStatus
from actors.status import BotState, BotStatus, ConnectionPhase, ConnectionStatus, GridStatus, percentile
from exchanges.redaction import visible
from exchanges.values import ZERO

if TYPE_CHECKING:
    from loguru import Message

_REFRESH_S = 0.25
_LOG_LINES = 8
_LEAST_LOG = 2
_ROOMY = (160, 1000)
_NARROW = 120
"""Below so many columns the table of connections is set close."""
_HEADS = ("venue", "orders", "prices", "audited", "answer", "fill to exit p50", "p99", "naked max", "reconnects")
_NARROW_HEADS = ("venue", "orders", "prices", "audited", "answer", "exit p50", "p99", "naked", "lost")
_STATE_STYLE = {
    BotState.RUNNING: "bold green",
    BotState.PAUSED: "bold yellow",
    BotState.DEGRADED: "bold yellow",
    BotState.HALTED: "bold red",
    BotState.FAILED: "bold red",
}


class LogTail:
    """The newest log lines, as a loguru sink. One writer (loguru's own lock), read by the view."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)

    def __call__(self, message: "Message") -> None:
        """Take one finished line."""
        self._lines.append(self._redact(str(message)).rstrip("\n"))

    def lines(self) -> list[str]:
        """Return the lines, oldest first."""
        return list(self._lines.copy())


def render(status: BotStatus, log_lines: list[str], size: tuple[int, int] = _ROOMY) -> RenderableType:
    """Return the whole picture. On a terminal of `size` (columns, rows) that would not hold all of it, the ladders are
    cut to a line each first, then the log lines, then the frames: every grid stays in sight.
    """
    columns, rows = size
    top: list[RenderableType] = [
        _headline(status),
        *_alarms(status),
        _connections(status, is_narrow=columns < _NARROW),
    ]
    left = rows - 1 - len(top) - len(status.connections)
    form = _form(status, left, has_log=bool(log_lines))
    grids = [_grid(grid, status.now_ns, form) for grid in status.grids]
    left -= sum(_height(grid, form) for grid in status.grids)
    shown = log_lines[-max(0, min(left, _LOG_LINES)) :] if left > 0 else []
    if shown:
        grids.append(Text("\n".join(shown), style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*top, *grids)


def _form(status: BotStatus, rows: int, *, has_log: bool) -> Form:
    """Return the fullest form in which all grids fit into so many rows, with two of them for the log."""
    room = rows - (_LEAST_LOG if has_log else 0)
    return next(
        (form for form in Form if sum(_height(grid, form) for grid in status.grids) <= room),
        Form.LINES,
    )


def _height(grid: GridStatus, form: Form) -> int:
    return 1 if grid.book is None or grid.context is None else panel_height(len(grid.book.lots), form)


def _headline(status: BotStatus) -> Text:
    line = Text()
    line.append(f" {status.name} ", "reverse")
    line.append(f" {status.mode} ", "bold")
    line.append(status.state.value, _STATE_STYLE.get(status.state, "bold"))
    line.append(f"  up {seconds(status.now_ns - status.started_ns)}")
    books = [(grid, grid.book) for grid in status.grids if grid.book is not None]
    net = sum((book.counters.realized_pnl - grid.realized_before for grid, book in books), ZERO)
    line.append("  this run ")
    line.append(money(net), "green" if net >= ZERO else "red")
    if status.restarts:
        line.append(f"  restarted {status.restarts}x", "yellow")
    if status.halted_why:
        line.append(f"  entries held back: {visible(status.halted_why)}", "bold red")
    line.append("   Ctrl-C stops", "dim")
    return line


def _alarms(status: BotStatus) -> list[Text]:
    """Return a line for everything the watchdog has found."""
    lines = [f" WATCHDOG {alarm.why}, for {seconds(status.now_ns - alarm.since_ns)}" for alarm in status.alarms]
    if status.watchdog_silent_ns:
        lines.append(f" WATCHDOG silent for {seconds(status.watchdog_silent_ns)}: no entry leaves")
    return [Text(line, "bold red") for line in lines]


def _connections(status: BotStatus, *, is_narrow: bool) -> Table:
    table = Table(box=None, padding=(0, 1) if is_narrow else (0, 2), header_style="dim")
    for heading in _NARROW_HEADS if is_narrow else _HEADS:
        table.add_column(heading, no_wrap=True)
    feeds = {feed.exchange: feed for feed in status.feeds}
    for connection in status.connections:
        table.add_row(*_connection_cells(status, connection, feeds.get(connection.exchange)))
    return table


def _connection_cells(status: BotStatus, connection: ConnectionStatus, feed: FeedStatus | None) -> list[Text]:
    is_live = connection.phase is ConnectionPhase.LIVE
    hops = status.fill_to_exit_ns.get(connection.exchange, ())
    naked = [
        sample
        for grid in status.grids
        if grid.exchange == connection.exchange
        for sample in status.naked_ns.get(grid.name, ())
    ]
    audited = seconds(status.now_ns - connection.audited_ns) + " ago" if connection.audited_ns else "-"
    phase = connection.phase.value if is_live or not connection.why else f"{connection.phase.value}: {connection.why}"
    prices = "-" if feed is None else "live" if feed.is_open else f"down: {feed.why}"
    return [
        Text(connection.exchange),
        Text(visible(phase), "green" if is_live else "yellow"),
        Text(visible(prices), "green" if feed is not None and feed.is_open else "yellow"),
        Text(audited),
        Text(f"{connection.order_answer_ns / 1e6:.0f} ms" if connection.order_answer_ns else "-"),
        Text(f"{percentile(hops, 0.5) / 1000:.0f} us" if hops else "-"),
        Text(f"{percentile(hops, 0.99) / 1000:.0f} us" if hops else "-"),
        Text(seconds(max(naked)) if naked else "-"),
        Text(str(connection.reconnects + (0 if feed is None else feed.reconnects))),
    ]


def _grid(grid: GridStatus, now_ns: int, form: Form) -> RenderableType:
    if grid.context is None or grid.state is None or grid.book is None:
        return Text(
            f" {grid.name}: waiting for {grid.exchange} to be read", "yellow", no_wrap=True, overflow="ellipsis"
        )
    return grid_panel(GridPicture(context=grid.context, state=grid.state, book=grid.book, now_ns=now_ns), form)


class LiveView:
    """Redraws the picture on a terminal until closed.

    Args:
        status: Returns a fresh picture; called from the view's own thread.
        tail: Where the log lines come from.
        console: The terminal; the process's own where None.
    """

    def __init__(self, status: Callable[[], BotStatus], tail: LogTail, console: Console | None = None) -> None:
        self._status = status
        self._tail = tail
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False, screen=False, transient=False)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-view", daemon=True)

    def start(self) -> None:
        """Take the terminal and begin to draw."""
        self._live.start()
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(_REFRESH_S):
            self._draw()

    def _draw(self) -> None:
        size = self._console.size
        self._live.update(render(self._status(), self._tail.lines(), (size.width, size.height)), refresh=True)

    def close(self) -> None:
        """Draw once more and give the terminal back."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
            self._draw()
        self._live.stop()
