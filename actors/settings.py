"""What the whole bot is told: one frozen dataclass per section of the ini file, gathered into `BotSettings`.

Every setting is declared here once (those of a grid in `actors/grid/settings.py`, those of a venue in the venue's
package, those of the simulated venue in `exchanges/simulated/settings.py`); `actors/config/` turns the
declarations into parsing, checks, sample files and print-outs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from actors.grid.settings import GridSettings, ProofSettings
from exchanges.settings import setting

if TYPE_CHECKING:
    from exchanges.simulated.settings import PaperSettings

MAX_BOT_TAG = 63
"""Six bits of a client order id (`exchanges.order_ids`)."""


class Mode(StrEnum):
    """What the orders of a run are made of."""

    LIVE = "live"
    PAPER = "paper"


class ForeignPolicy(StrEnum):
    """What a start does about orders or a position that are not this bot's."""

    REFUSE = "refuse"
    IGNORE = "ignore"
    ADOPT = "adopt"


class StopPolicy(StrEnum):
    """What a clean stop leaves at the venue."""

    LEAVE_EXITS = "leave_exits"
    CANCEL_ENTRIES = "cancel_entries"
    CANCEL_ALL = "cancel_all"
    FLATTEN = "flatten"


class LogLevel(StrEnum):
    """Levels of log lines and notifications, as loguru names them."""

    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """The section `[desk]`: who this bot is, where its files live, how it starts and stops."""

    name: str = setting(help="1-16 of a-z 0-9 -; names the journal, the locks and the threads", example="alpha")
    mode: Mode = setting(help="live trades real money; paper trades on the simulated venue", example="paper")
    state_dir: str = setting(help="journal, intents and lock live here; must be writable", example="state/alpha")
    log_dir: str = setting(help="folder of the log files", default="logs")
    bot_tag: int = setting(
        help="unique per bot on one account; part of every client order id", ge=0, le=MAX_BOT_TAG, default=1
    )
    on_start_foreign: ForeignPolicy = setting(
        help="orders or a position that are not ours at the start", default=ForeignPolicy.REFUSE
    )
    on_stop: StopPolicy = setting(
        help="entries always end; leave_exits = cancel_entries: exits rest on; cancel_all: the bare position stays; "
        "flatten: nothing stays",
        default=StopPolicy.LEAVE_EXITS,
    )
    stop_grace_s: Decimal = setting(
        help="a clean stop may take so long before it is forced", unit="s", ge=0, le=600, default=Decimal(10)
    )
    observe: bool = setting(help="send nothing and show what would be done", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesSettings:
    """The section `[prices]`: when a quote may be acted on."""

    stale_after_ms: int = setting(
        help="time since the last proof that the stream is alive (frame, pong, heartbeat); older blocks entries",
        unit="ms",
        ge=200,
        le=60000,
        default=1500,
    )
    rest_fallback: bool = setting(help="ask for quotes by REST while the stream is down", default=True)
    rest_fallback_every_ms: int = setting(
        help="time between two such questions, within the read budget", unit="ms", ge=500, le=60000, default=1000
    )
    max_jump_pct: Decimal = setting(
        help="a jump beyond this needs a second source or a second tick",
        unit="percent",
        gt=0,
        le=100,
        default=Decimal(5),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRiskSettings:
    """The bot-wide keys of the section `[risk]`: limits over all grids and venues together.

    They gate entries only; an exit is never refused by them.
    """

    max_margin_usd: Decimal = setting(
        help="margin of all positions, pending entries and open entries together", unit="USD", gt=0, example="400"
    )
    max_position_usd: Decimal | None = setting(
        help="notional of all positions and pending entries together; none = only the margin limit",
        unit="USD",
        gt=0,
        default=None,
    )
    max_net_exposure_usd: Decimal | None = setting(
        help="longs minus shorts of one asset over all venues, should only one side's entries fill; none = off",
        unit="USD",
        gt=0,
        default=None,
    )
    daily_loss_limit_usd: Decimal | None = setting(
        help="realised + fees + funding (where the venue's stream tells it) of the UTC day; latches a stop; none = off",
        unit="USD",
        gt=0,
        default=None,
    )
    max_drawdown_usd: Decimal | None = setting(
        help="fall of equity from its highest, unrealised included; reaching it latches a stop of entries; none = off",
        unit="USD",
        gt=0,
        default=None,
    )
    max_orders_per_min: int = setting(
        help="more orders than this in a minute over all grids latch a stop of entries",
        ge=10,
        le=10000,
        default=600,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSettings:
    """The section `[reconcile]` besides the keys of `ProofSettings`: how often the venue is asked."""

    orders_every_s: Decimal = setting(
        help="open orders and positions are compared so often, fills every minute; the read budget stretches it",
        unit="s",
        ge=5,
        le=600,
        default=Decimal(5),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """The section `[notify]`: who is told outside the log."""

    urls_env: str = setting(
        help="environment variable that holds the apprise URLs; empty = off", default="", names_secret=True
    )
    min_level: LogLevel = setting(help="least level that is sent", default=LogLevel.WARNING)
    repeat_after_s: Decimal = setting(
        help="the same alert is not sent again sooner", unit="s", ge=0, le=86400, default=Decimal(900)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """The section `[control]`: the socket behind --status, --pause, --resume, --flatten, --adopt and --stop."""

    listen: str = setting(
        help="off, or host:port; port 0 = any free one; beyond loopback needs token_env", default="127.0.0.1:0"
    )
    token_env: str = setting(
        help="environment variable that holds the token; empty = a fresh one in the state folder, mode 0600",
        default="",
        names_secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The section `[log]`: what is written down besides the journal."""

    level: LogLevel = setting(help="least level that is written", default=LogLevel.INFO)
    events_jsonl: bool = setting(help="one JSON line per event, for machines", default=True)
    rotate_mb: int = setting(help="size at which a log file is rotated", unit="MB", ge=1, le=10000, default=50)
    keep_files: int = setting(help="rotated files that are kept", ge=1, le=1000, default=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """The section `[host]`: what the bot asks of the Python process it lives in."""

    gil_switch_interval_ms: Decimal | None = setting(
        help="interpreter switch interval; none = leave alone. 0.1 keeps exits fast beside a busy host thread",
        unit="ms",
        gt=0,
        le=1000,
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeTargetSettings:
    """The one key every `[exchange.NAME]` has besides those of its venue."""

    venue: str = setting(help="the venue's name; may be left out where NAME is one", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridTargetSettings:
    """The keys only a `[grid.NAME]` has: what it trades and where."""

    exchange: str = setting(help="NAME of an [exchange.NAME]", example="aster")
    symbol: str = setting(help="the venue's name of the market", example="BTCUSDT")


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """Everything one bot is told, checked, ready to use. Safe to share between threads.

    Attributes:
        exchanges: NAME of each `[exchange.NAME]` -> the settings object of its venue (for example `AsterSettings`).
        venues: NAME of each `[exchange.NAME]` -> name of its venue (a key of `exchanges.VENUES`).
        paper: The section `[paper]`; its defaults where the file has none.
        secret_files: 'section.key' without `_env` or `_file` -> path, for every secret that is named by a `*_file` key.
        grids: In the order of the file.
    """

    desk: DeskSettings
    exchanges: Mapping[str, Any]
    venues: Mapping[str, str]
    prices: PricesSettings
    risk: DeskRiskSettings
    reconcile: ReconcileSettings
    proof: ProofSettings
    paper: "PaperSettings"
    notify: NotifySettings
    control: ControlSettings
    log: LogSettings
    host: HostSettings
    grids: tuple[GridSettings, ...]
    secret_files: Mapping[str, str] = field(default_factory=dict)

    def grid(self, name: str) -> GridSettings:
        """Return the grid of `[grid.NAME]`. Raises KeyError where there is none."""
        for grid in self.grids:
            if grid.name == name:
                return grid
        raise KeyError(name)
