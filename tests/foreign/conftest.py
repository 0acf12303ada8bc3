"""What holds for the tests with other people's clients: a header with their versions, and one thread that no test is
to blame for.
"""

import importlib
import importlib.util
from importlib.metadata import PackageNotFoundError, version

import pytest

CLIENTS = ("ccxt", "lighter-sdk", "bpx-py")


def pytest_report_header() -> str:
    return f"other people's clients: {', '.join(f'{name} {_installed(name)}' for name in CLIENTS)}"


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"


@pytest.fixture(scope="session", autouse=True)
def _resolver_thread() -> None:
    """Start the thread that pycares keeps for the life of the process before any test could be blamed for it.

    aiohttp resolves names by pycares where aiodns is installed; the clients do not need it, but others may bring it.
    """
    if importlib.util.find_spec("pycares") is not None:
        importlib.import_module("pycares").Channel().close()
