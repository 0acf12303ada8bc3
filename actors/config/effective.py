"""Settings as the ini text that produces them."""

from actors.config.schema import SECTIONS, settings_of
from actors.config.values import format_value, masked
from actors.grid.settings import GridSettings, ProofSettings
from actors.settings import BotSettings


def format_effective(settings: BotSettings) -> str:
    """Return every setting in force as an ini text; secrets appear only as names of variables and files.

    Reading the text gives equal settings, unless something in them looked like a credential: that is masked.
    """
    blocks: list[str] = []
    for section, classes in SECTIONS.items():
        lines: list[str] = []
        for section_class in classes:
            holder = settings.proof if section_class is ProofSettings else getattr(settings, section, None)
            if isinstance(holder, section_class):
                lines += _lines(holder, settings, section)
        if lines:
            blocks.append("\n".join([f"[{section}]", *lines]))
    for name, venue_settings in settings.exchanges.items():
        section = f"exchange.{name}"
        lines = [f"venue = {settings.venues[name]}", *_lines(venue_settings, settings, section)]
        blocks.append("\n".join([f"[{section}]", *lines]))
    blocks += [_grid(grid, settings) for grid in settings.grids]
    return "\n\n".join(blocks) + "\n"


def _grid(grid: GridSettings, settings: BotSettings) -> str:
    section = f"grid.{grid.name}"
    lines = [f"exchange = {masked(grid.exchange)}", f"symbol = {masked(grid.symbol)}"]
    for part in (grid.entry, grid.close, grid.risk):
        lines += _lines(part, settings, section)
    return "\n".join([f"[{section}]", *lines])


def _lines(holder: object, settings: BotSettings, section: str) -> list[str]:
    lines = []
    for key in settings_of(type(holder)):
        path = settings.secret_files.get(f"{section}.{key.removesuffix('_env')}")
        if path is not None:
            lines.append(f"{key.removesuffix('_env')}_file = {path}")
        else:
            text = format_value(getattr(holder, key))
            is_path = key.endswith(("_dir", "_file")) or key == "tape"
            lines.append(f"{key} = {text if is_path else masked(text)}".rstrip())
    return lines
