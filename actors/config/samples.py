"""Everything that is generated from the declarations: the sample files in `conf/` and the README's table of settings.

`.ci/generate` writes them; a test and `.ci/run` check that they are up to date.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.config.schema import SECTIONS, Setting, merged, settings_of
from actors.config.values import allowed, format_value
from actors.grid.settings import CloseSettings, EntrySettings, GridRiskSettings
from actors.settings import ExchangeTargetSettings, GridTargetSettings
from exchanges import VENUES

BLOCK_END = "<!-- end generated -->"
_COMMENT_COLUMN = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSection:
    """One section of a sample file.

    Attributes:
        name: Section name.
        values: What the file sets, by key. Other keys show their default, or are left out if `only_values`.
        notes: Comment lines above the keys.
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    only_values: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample file: its comment at the top and its sections. `paper` leaves out what means nothing there."""

    path: str
    notes: tuple[str, ...]
    sections: tuple[SampleSection, ...]
    paper: bool


_WIDE_STOP = {"stop_loss_pct": "5", "stop_loss_basis": "price"}

PAPER = Sample(
    path="conf/paper.ini",
    paper=True,
    notes=(
        "Paper trading: one bot on three simulated venues side by side, over real connections, each venue in its own",
        "protocol. Fewer venues: take out the [exchange.NAME] and [grid.NAME] of the others.",
        "Run it: python run.py conf/paper.ini     Look at it first: add --check --print or --explain.",
        "Override for one run: --set grid.take_profit_pct=0.05     No key and no account is needed or read.",
    ),
    sections=(
        SampleSection(
            name="desk",
            values={"name": "paper", "mode": "paper", "state_dir": "state/paper", "on_start_foreign": "ignore"},
        ),
        SampleSection(
            name="paper",
            notes=("The synthetic market is wild on purpose: a minute shows what a day shows elsewhere.",),
            values={"ack_latency_ms": "100", "fill_latency_ms": "50", "cancel_latency_ms": "100"},
        ),
        SampleSection(
            name="exchange.aster",
            notes=("One section per simulated venue. Its credentials are made up by the simulated venue.",),
            only_values=True,
        ),
        SampleSection(name="exchange.backpack", only_values=True),
        SampleSection(name="exchange.lighter", only_values=True),
        SampleSection(name="prices"),
        SampleSection(
            name="grid",
            notes=("Defaults of every [grid.NAME].",),
            values={
                "order_notional_usd": "200",
                "target_leverage": "5",
                "max_orders": "6",
                "wait_time_s": "2",
                "entry_requote_after_s": "3",
            },
        ),
        SampleSection(name="close"),
        SampleSection(
            name="risk",
            notes=(
                "max_* and daily_* hold for the whole bot; stop_*, pause_*, lot_* and grid_* are defaults of every",
                "[grid.NAME].",
            ),
            values={"max_margin_usd": "800", "daily_loss_limit_usd": "60", **_WIDE_STOP},
        ),
        SampleSection(name="reconcile"),
        SampleSection(name="control"),
        SampleSection(name="log"),
        SampleSection(
            name="grid.btc-aster",
            notes=("Any key of [grid] and [close] and every per-grid key of [risk] may be overridden here.",),
            values={"exchange": "aster", "symbol": "BTCUSDT"},
            only_values=True,
        ),
        SampleSection(
            name="grid.btc-backpack",
            values={"exchange": "backpack", "symbol": "BTC_USDC_PERP"},
            only_values=True,
        ),
        SampleSection(
            name="grid.btc-lighter",
            notes=("A standard account there may send 60 transactions a minute, so this grid takes its time.",),
            values={"exchange": "lighter", "symbol": "BTC", "wait_time_s": "8"},
            only_values=True,
        ),
    ),
)

LIVE = Sample(
    path="conf/live.ini",
    paper=False,
    notes=(
        "Live trading on Aster, Backpack and Lighter: REAL MONEY. Work on a copy; try it with observe = yes first.",
        "Take out the [exchange.NAME] and [grid.NAME] of every venue you have no account on.",
        "Check it offline: python run.py conf/live.ini --check --print     See the ladder: --explain",
        "No secret stands here, only names of environment variables. Instead of X_env = NAME a key X_file = PATH names",
        "a file of mode 0600 that holds the secret alone.",
    ),
    sections=(
        SampleSection(
            name="desk", values={"name": "alpha", "mode": "live", "state_dir": "state/alpha", "bot_tag": "7"}
        ),
        SampleSection(
            name="exchange.aster",
            notes=(
                "NAME is free: several accounts of one venue are [exchange.main] venue = aster,",
                "[exchange.second] venue = aster, ... each with its own variables.",
            ),
            values={"venue": "aster"},
        ),
        SampleSection(name="exchange.backpack", values={"venue": "backpack"}),
        SampleSection(
            name="exchange.lighter",
            notes=("Put the number of your account into account_index: the venue's page of API keys shows it.",),
            values={"venue": "lighter"},
        ),
        SampleSection(name="prices"),
        SampleSection(name="grid", notes=("Defaults of every [grid.NAME].",), values={"order_notional_usd": "300"}),
        SampleSection(name="close"),
        SampleSection(
            name="risk",
            notes=(
                "max_* and daily_* hold for the whole bot; stop_*, pause_*, lot_* and grid_* are defaults of every",
                "[grid.NAME].",
            ),
            values={
                "max_margin_usd": "900",
                "max_position_usd": "9000",
                "daily_loss_limit_usd": "50",
                **_WIDE_STOP,
            },
        ),
        SampleSection(name="reconcile"),
        SampleSection(name="notify"),
        SampleSection(name="control"),
        SampleSection(name="log"),
        SampleSection(name="host"),
        SampleSection(
            name="grid.btc-aster",
            notes=("Any key of [grid] and [close] and every per-grid key of [risk] may be overridden here.",),
            values={"exchange": "aster", "symbol": "BTCUSDT", "grid_max_margin_usd": "300"},
            only_values=True,
        ),
        SampleSection(
            name="grid.eth-aster",
            notes=("A grid that sells: its stop_price is above the market, its pause_price below.",),
            values={
                "exchange": "aster",
                "symbol": "ETHUSDT",
                "direction": "sell",
                "order_notional_usd": "200",
                "take_profit_pct": "0.15",
            },
            only_values=True,
        ),
        SampleSection(
            name="grid.btc-backpack", values={"exchange": "backpack", "symbol": "BTC_USDC_PERP"}, only_values=True
        ),
        SampleSection(name="grid.btc-lighter", values={"exchange": "lighter", "symbol": "BTC"}, only_values=True),
    ),
)

SAMPLES = (PAPER, LIVE)


def sample_files() -> Mapping[str, str]:
    """Return the text of every sample file, by path from the root of the repository."""
    return {sample.path: render_sample(sample) for sample in SAMPLES}


def render_sample(sample: Sample) -> str:
    """Return a sample's text: every key with its value, meaning, unit and range."""
    blocks = ["\n".join(f"; {note}" for note in (*sample.notes, "Generated by .ci/generate from the declarations."))]
    blocks += [_render_section(section, paper=sample.paper) for section in sample.sections]
    return "\n\n".join(blocks) + "\n"


def _render_section(section: SampleSection, *, paper: bool) -> str:
    settings = section_settings(section.name)
    unknown = set(section.values) - set(settings)
    if unknown:
        raise KeyError(f"[{section.name}] has no {', '.join(sorted(unknown))}")
    lines = [f"[{section.name}]", *(f"; {note}" for note in section.notes)]
    for name, setting in settings.items():
        if name in section.values:
            lines.append(_line(setting, section.values[name]))
        elif not section.only_values and (setting.spec.paper or not paper):
            if setting.is_required:
                raise KeyError(f"[{section.name}] {name} needs a value in the sample")
            lines.append(_line(setting, format_value(setting.default)))
    return "\n".join(lines)


def _line(setting: Setting, value: str) -> str:
    annotation = _annotation(setting)
    comment = f"{setting.spec.help} ({annotation})" if annotation else setting.spec.help
    return f"{f'{setting.name} = {value}'.rstrip():<{_COMMENT_COLUMN - 1}} ; {comment}"


def _annotation(setting: Setting) -> str:
    return allowed(setting.kind, setting.spec) or setting.spec.unit


def section_settings(section: str) -> Mapping[str, Setting]:
    """Return the settings of a section by its full name; `exchange.NAME` where NAME is a venue's."""
    if section.startswith("exchange."):
        venue = VENUES[section.removeprefix("exchange.")]()
        return {**settings_of(ExchangeTargetSettings), **settings_of(venue.settings)}
    if section.startswith("grid."):
        return merged((GridTargetSettings, EntrySettings, CloseSettings, GridRiskSettings))
    return merged(SECTIONS[section])


def settings_table() -> str:
    """Return the README's tables: one per section, every setting with default, range and meaning."""
    tables = [_table(f"[{section}]", section_settings(section)) for section in SECTIONS]
    tables += [
        _table(f"[exchange.NAME] with venue = {venue}", section_settings(f"exchange.{venue}")) for venue in VENUES
    ]
    title = "[grid.NAME] (besides every key of [grid], [close] and the per-grid keys of [risk])"
    tables.append(_table(title, settings_of(GridTargetSettings)))
    return "\n\n".join(tables)


def _table(title: str, settings: Mapping[str, Setting]) -> str:
    lines = [f"**`{title}`**", "", "| setting | default | may be | meaning |", "|---|---|---|---|"]
    for name, setting in settings.items():
        default = "required" if setting.is_required else f"`{format_value(setting.default)}`"
        cells = (f"`{name}`", "empty" if default == "``" else default, _annotation(setting), setting.spec.help)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def replace_block(text: str, name: str, content: str) -> str:
    """Return a document with the block between `<!-- generated: NAME -->` and the next end marker replaced.

    A document without such a block comes back unchanged.
    """
    begin = f"<!-- generated: {name} -->"
    before, marker, rest = text.partition(begin)
    _, end, after = rest.partition(BLOCK_END)
    return f"{before}{begin}\n{content}\n{BLOCK_END}{after}" if marker and end else text
