"""The configuration: an ini file and its overrides in, checked `BotSettings` out, every problem at once.

Settings are declared once, as fields of dataclasses (`exchanges.settings.setting`); parsing, checks, sample files,
the README table and the print-out are generated from there.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from actors.config.checks import Rules
from actors.config.credentials import resolve_secret, secret_resolver
from actors.config.effective import format_effective
from actors.config.findings import Findings
from actors.config.grid_rules import GridRules
from actors.config.reader import Reader
from actors.config.source import read_document
from actors.settings import BotSettings
from exchanges import VENUES
from exchanges.errors import ConfigError
from exchanges.redaction import visible_lines
from exchanges.venue import VenuePackage


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What `--check` found. `settings` is None where there are problems."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    settings: BotSettings | None


def check(
    path_or_text: Path | str,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    venues: Mapping[str, Callable[[], VenuePackage]] = VENUES,
) -> CheckResult:
    """Read and check a configuration offline; nothing is sent anywhere.

    Args:
        path_or_text: A `Path` to the file, or the ini text itself.
        overrides: 'section.key=value' as on the command line; they win over the environment, which wins over the file.
        environ: Variables to read `GRID__SECTION__KEY` and, in live mode, secrets from; the process's own where None.
        venues: The known venues.
    """
    environ = os.environ if environ is None else environ
    document = read_document(path_or_text, overrides, environ)
    if not document.is_there:
        return CheckResult(tuple(map(visible_lines, document.problems)), (), None)
    reading = Reader(document, venues).read()
    Rules(reading, environ, venues).run()
    GridRules(reading, venues).run()
    problems = tuple(map(visible_lines, reading.findings.problems))
    warnings = tuple(map(visible_lines, reading.findings.warnings))
    return CheckResult(problems, warnings, None if problems else reading.settings)


def load_settings(
    path_or_text: Path | str,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    venues: Mapping[str, Callable[[], VenuePackage]] = VENUES,
) -> BotSettings:
    """Return the settings of a configuration; arguments as for `check`.

    Raises:
        ConfigError: with all problems at once, each naming section, key, value and remedy.
    """
    result = check(path_or_text, overrides, environ, venues)
    if result.settings is None:
        raise ConfigError(result.problems)
    return result.settings


__all__ = [
    "CheckResult",
    "Findings",
    "check",
    "format_effective",
    "load_settings",
    "resolve_secret",
    "secret_resolver",
]
