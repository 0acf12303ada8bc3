"""The installed clients are the ones these tests are meant for: each is pinned, so that a run can be repeated."""

from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

pytestmark = pytest.mark.foreign
ROOT = Path(__file__).resolve().parents[2]
REMEDY = "python -m pip install -e '.[dev,foreign]' && python -m pip install --no-deps -r tests/foreign/ccxt.txt"


def _pins() -> dict[str, str]:
    """Name -> version: what setup.cfg and ccxt.txt ask for."""
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"]
    lines = [*extras["lighter"].splitlines(), *extras["foreign"].splitlines()]
    lines += (ROOT / "tests/foreign/ccxt.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.replace(" ", "") for line in lines if line.strip() and line.strip()[0] not in "#%"]
    return {name: exact for name, _, exact in (line.partition("==") for line in wanted)}


def test_every_client_is_pinned():
    pins = _pins()
    assert set(pins) == {"ccxt", "lighter-sdk", "bpx-py"}
    assert all(exact and exact[0].isdigit() for exact in pins.values())


@pytest.mark.parametrize("name", ["ccxt", "lighter-sdk", "bpx-py"])
def test_the_installed_client_is_the_pinned_one(name):
    try:
        found = version(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed: {REMEDY}")
    assert found == _pins()[name], f"{name} {found} is installed, {_pins()[name]} is meant: {REMEDY}"
