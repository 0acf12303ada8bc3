"""One declaration per setting; everything else is generated from it.

A settings section is a frozen dataclass whose fields are made by `setting(...)`. From these declarations come
parsing, range checks, `--check`, the
sample files in `conf/`, the README table and the masked print-out (`actors/config/`). Nothing about a setting is
written twice.

The type of the field says how text is read: `Decimal`, `int`, `bool` (yes/no/true/false), `str`, a `StrEnum` (one of
its values), or `X | None` where the
word `none` or an empty value means None.
"""

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

METADATA_KEY = "setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpec:
    """Everything known about one setting besides its name, type and default.

    Attributes:
        help: One line for people, without the unit.
        unit: 'percent', 'bps', 's', 'ms', 'USD', 'ticks', 'x', 'price', ... or empty.
        gt, ge, lt, le: Bounds for numbers, None where open.
        choices: Allowed words for plain strings; empty means free text (StrEnum types bring their own).
        names_secret: The value is the *name* of an environment variable that holds a secret, never the secret.
        example: What a sample file shows where there is no default.
        paper: Whether the key means something in paper mode (else the sample of paper.ini leaves it out).
    """

    help: str
    unit: str = ""
    gt: Decimal | None = None
    ge: Decimal | None = None
    lt: Decimal | None = None
    le: Decimal | None = None
    choices: tuple[str, ...] = ()
    names_secret: bool = False
    example: str = ""
    paper: bool = True


def _decimal(bound: int | str | Decimal | None) -> Decimal | None:
    return None if bound is None else Decimal(bound)


def setting(  # noqa: PLR0913 - one keyword for each thing a setting may say about itself
    *,
    help: str,  # noqa: A002 - reads best at the place of use
    unit: str = "",
    default: object = dataclasses.MISSING,
    gt: int | str | None = None,
    ge: int | str | None = None,
    lt: int | str | None = None,
    le: int | str | None = None,
    choices: tuple[str, ...] = (),
    names_secret: bool = False,
    example: str = "",
    paper: bool = True,
) -> Any:  # noqa: ANN401 - like dataclasses.field, so that the annotated type of the field stands
    """Declare one setting. Without `default` it is required.

    Bounds are given as int or text, never float: `gt="0.001"`.
    """
    spec = SettingSpec(
        help=help,
        unit=unit,
        gt=_decimal(gt),
        ge=_decimal(ge),
        lt=_decimal(lt),
        le=_decimal(le),
        choices=choices,
        names_secret=names_secret,
        example=example,
        paper=paper,
    )
    metadata = {METADATA_KEY: spec}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata, kw_only=True)
    return dataclasses.field(default=default, metadata=metadata, kw_only=True)
