"""The section `[paper]`: the simulated venue, its prices, its fills and its faults, declared once.

Wall time is the venue's clock: latencies, nonces and timers are not scaled by `speed`, only the time between the rows
of a tape is.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchanges.settings import setting


class PriceKind(StrEnum):
    """Where the simulated market's prices come from."""

    SYNTHETIC = "synthetic"
    TAPE = "tape"
    LIVE = "live"


class FillModel(StrEnum):
    """When a resting order fills.

    touch: the other side's best price reaches it; queue: traded volume at its price exceeds the queue ahead, or the
    price trades through; cross: only when the price trades through.
    """

    TOUCH = "touch"
    QUEUE = "queue"
    CROSS = "cross"


class PostOnlyReject(StrEnum):
    """Whether a post-only order that would take is refused by the book, or rested as if it would not."""

    BY_BOOK = "by_book"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """The section `[paper]`."""

    start_equity_usd: Decimal = setting(help="balance of a new paper account", unit="USD", gt=0, default=Decimal(1000))
    prices: PriceKind = setting(help="where prices come from", default=PriceKind.SYNTHETIC)
    tape: str = setting(help="recorded tape (csv.gz); required when prices = tape", default="")
    speed: Decimal = setting(
        help="divides the time between tape rows",
        unit="x",
        gt=0,
        le=100000,
        default=Decimal(1),
    )
    fresh: bool = setting(help="forget the paper account and start anew", default=False)
    seed: int = setting(help="all randomness comes from here", ge=0, le=2**31 - 1, default=1)
    fill_model: FillModel = setting(help="when a resting order fills", default=FillModel.QUEUE)
    queue_ahead_pct: Decimal = setting(
        help="share of the displayed size assumed ahead of us", unit="percent", ge=0, le=1000, default=Decimal(100)
    )
    ack_latency_ms: int = setting(
        help="from a new order's arrival to its answer", unit="ms", ge=0, le=60000, default=250
    )
    fill_latency_ms: int = setting(help="from a fill to its event", unit="ms", ge=0, le=60000, default=150)
    cancel_latency_ms: int = setting(
        help="from a cancel's arrival to its answer", unit="ms", ge=0, le=60000, default=250
    )
    partial_fill_pct: Decimal = setting(
        help="chance that a fill comes in pieces", unit="percent", ge=0, le=100, default=Decimal(20)
    )
    post_only_reject: PostOnlyReject = setting(
        help="whether a post-only order that would take is refused", default=PostOnlyReject.BY_BOOK
    )
    maker_fee_bps: Decimal = setting(help="fee of resting fills", unit="bps", ge=-100, le=100, default=Decimal(1))
    taker_fee_bps: Decimal = setting(help="fee of taking fills", unit="bps", ge=-100, le=100, default=Decimal(4))
    funding_bps_per_8h: Decimal = setting(
        help="funding longs pay to shorts every eight hours", unit="bps", ge=-100, le=100, default=Decimal(1)
    )
    fault_duplicate_pct: Decimal = setting(
        help="private events delivered twice", unit="percent", ge=0, le=100, default=Decimal(0)
    )
    fault_reorder_pct: Decimal = setting(
        help="private events delivered late, behind their successors", unit="percent", ge=0, le=100, default=Decimal(0)
    )
    fault_drop_pct: Decimal = setting(help="private events lost", unit="percent", ge=0, le=100, default=Decimal(0))
    fault_disconnect_every_s: Decimal = setting(
        help="private streams are cut about this often; 0 = never", unit="s", ge=0, le=86400, default=Decimal(0)
    )
    start_price: Decimal | None = setting(
        help="first price of the synthetic process; none = the market's usual level", unit="price", gt=0, default=None
    )
    volatility_pct_per_day: Decimal | None = setting(
        help="daily volatility of the synthetic process; none = the process's own",
        unit="percent",
        gt=0,
        le=1000,
        default=None,
    )
    tick_size: Decimal | None = setting(
        help="price step of the simulated market; none = the venue's, or inferred from the tape", gt=0, default=None
    )
    step_size: Decimal | None = setting(
        help="quantity step of the simulated market; none = the venue's, or inferred from the tape", gt=0, default=None
    )
    min_notional_usd: Decimal | None = setting(
        help="least order value of the simulated market; none = the venue's", unit="USD", ge=0, default=None
    )
    lighter_signature_check_pct: Decimal = setting(
        help="share of the transactions and tokens whose signature the simulated Lighter checks, 0.1 s each; the first "
        "of every kind always",
        unit="percent",
        ge=0,
        le=100,
        default=Decimal(1),
    )
    idle_exit_s: int = setting(
        help="the simulated venue's process ends after so long without any client",
        unit="s",
        ge=10,
        le=86400,
        default=300,
    )
