"""The ini text and its overrides as sections of plain texts, with every fault of the text itself reported.

Precedence: command line over environment over file. Nothing here knows which settings exist.
"""

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from actors.config.values import masked

ENVIRONMENT_PREFIX = "GRID__"
_RESERVED = "\0no section is inherited by all others"
_DUPLICATE = "\0duplicate of "
_MOST_FAULTS = 200
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Text:
    """The text of one setting and where it came from: 'file', an environment variable, or '--set'."""

    value: str
    origin: str = "file"


@dataclass(slots=True)
class Document:
    """Sections by name, keys by name, in the order of the file; `problems` of the text itself.

    `is_there` is false where there is no text at all (no such file, not readable, empty): then no key of it is missing.
    """

    sections: dict[str, dict[str, Text]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_there: bool = True

    def put(self, section: str, key: str, text: Text) -> None:
        """Set one key, whatever it was before."""
        self.sections.setdefault(section, {})[key] = text

    def get(self, section: str, key: str) -> Text | None:
        """Return one key's text, None where it is not set."""
        return self.sections.get(section, {}).get(key)


class _Parser(configparser.RawConfigParser):
    """A section header is a line of its own: text behind it would otherwise vanish."""

    SECTCRE = re.compile(r"\[(?P<header>[^\]]+)\]\s*$")

    def __init__(self) -> None:
        super().__init__(
            strict=True,
            inline_comment_prefixes=(";",),
            comment_prefixes=("#", ";"),
            delimiters=("=",),
            interpolation=None,
            default_section=_RESERVED,
            empty_lines_in_values=False,
        )

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def read_document(
    path_or_text: Path | str, overrides: Iterable[str] = (), environ: Mapping[str, str] | None = None
) -> Document:
    """Return the layered document. A `Path` is read; a `str` is the ini text itself.

    Never raises for bad input: what cannot be used is in `problems`.
    """
    document = Document()
    text = _read_file(path_or_text, document.problems) if isinstance(path_or_text, Path) else path_or_text
    document.is_there = text is not None and bool(text.removeprefix("\ufeff").strip())
    if document.is_there and text is not None:
        _read_text(text, document)
    elif text is not None:
        document.problems.append("the file is empty; conf/paper.ini is a working sample")
    _apply_environment(environ or {}, document)
    _apply_overrides(overrides, document)
    return document


def _read_file(path: Path, problems: list[str]) -> str | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            problems.append(f"{path}: larger than {_MOST_BYTES} bytes; this is not a configuration file")
            return None
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        problems.append(f"{path}: no such file; conf/paper.ini is a working sample")
    except UnicodeDecodeError as error:
        problems.append(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(f"{path}: cannot be read ({reason})")
    return None


def _read_text(text: str, document: Document) -> None:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    parser = _parse_all(lines, document.problems)
    for section in parser.sections():
        name = section.rpartition(_DUPLICATE)[2]
        keys = document.sections.setdefault(name, {})
        for key, value in parser.items(section):
            if "\n" in value:
                _report_continuation(name, key, value, document.problems)
                continue
            keys[key] = Text(value)


def _report_continuation(section: str, key: str, value: str, problems: list[str]) -> None:
    swallowed = masked(value.split("\n")[1])
    problems.append(f"{section}.{key}: the indented line below it ({swallowed}) continues its value; unindent it")


def _parse_all(lines: list[str], problems: list[str]) -> _Parser:
    """Parse, and where the parser stops at a fault, note it, blank the line and parse again: all faults at once."""
    for _ in range(_MOST_FAULTS):
        parser = _Parser()
        try:
            parser.read_string("\n".join(lines))
        except configparser.MissingSectionHeaderError as error:
            _blank(lines, error.lineno, "stands before the first [section]; move it below one", problems)
        except configparser.DuplicateSectionError as error:
            number = error.lineno or 1
            problems.append(f"line {number}: [{masked(error.section)}] appears twice; merge the two sections")
            lines[number - 1] = f"[{number}{_DUPLICATE}{error.section}]"
        except configparser.DuplicateOptionError as error:
            name = f"{masked(error.section)}.{masked(error.option)}"
            _blank(lines, error.lineno or 1, f"{name} is set twice in this section; remove one", problems, show=False)
        except configparser.ParsingError as error:
            for number, _line in error.errors:
                _blank(lines, number, "is neither '[section]' nor 'key = value' nor a comment; correct it", problems)
        else:
            return parser
    problems.append(f"more than {_MOST_FAULTS} faults of this kind; is this a configuration file?")
    return _Parser()


def _blank(lines: list[str], number: int, reason: str, problems: list[str], *, show: bool = True) -> None:
    shown = f" ({masked(lines[number - 1].strip())})" if show else ""
    problems.append(f"line {number}{shown}: {reason}" if show else f"line {number}: {reason}")
    lines[number - 1] = ""


def _apply_environment(environ: Mapping[str, str], document: Document) -> None:
    for variable in sorted(environ):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        parts = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if len(parts) < 2 or not all(parts):  # noqa: PLR2004 - a section and a key
            document.problems.append(
                f"environment variable {masked(variable)}: not GRID__SECTION__KEY; for [exchange.aster] write "
                "GRID__EXCHANGE__ASTER__KEY"
            )
            continue
        section = _section_for(".".join(parts[:-1]), document)
        document.put(section, parts[-1], Text(environ[variable], f"environment variable {variable}"))


def _section_for(name: str, document: Document) -> str:
    """Variables have no - and no lower case: find the section of the file that is meant."""
    for section in document.sections:
        if section.lower().replace("-", "_") == name:
            return section
    return name.replace("_", "-")


def _apply_overrides(overrides: Iterable[str], document: Document) -> None:
    for override in overrides:
        name, equals, value = override.partition("=")
        section, dot, key = name.strip().rpartition(".")
        if not (equals and dot and section.strip() and key.strip()):
            document.problems.append(
                f"--set {masked(override)}: not section.key=value; write for example --set grid.take_profit_pct=0.05"
            )
            continue
        document.put(section.strip(), key.strip(), Text(value.strip(), "--set"))
