"""RELIABILITY.md E4, E8, E9, E12, E17, E19: what the source must not hold at all, looked up in the parsed source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.config.samples import settings_table

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([ROOT / "run.py", *(ROOT / "actors").rglob("*.py"), *(ROOT / "exchanges").rglob("*.py")])

BANNED_MODULES = {
    "pickle": "data of another process would be executed",
    "marshal": "as pickle",
    "shelve": "as pickle",
    "dill": "as pickle",
    "cloudpickle": "as pickle",
    "yaml": "loads objects",
    "telnetlib": "in clear",
    "ftplib": "in clear",
    "smtplib": "alerts go through apprise",
}
BANNED_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
BANNED_ATTRIBUTES = {
    ("os", "system"),
    ("os", "popen"),
    ("ssl", "_create_unverified_context"),
    ("ssl", "CERT_NONE"),
    ("ssl", "create_default_context"),  # obeys SSLKEYLOGFILE
    ("websocket", "enableTrace"),
    ("tempfile", "mktemp"),
}
ONE_PLACE = {
    "requests": {"exchanges/rest_transport.py"},
    "subprocess": {
        "exchanges/simulated/process.py",
        "actors/intents.py",
    },  # the venue's process; when macOS was started
    "ctypes": {"exchanges/lighter/library.py"},
}
"""Who may import what."""
GENERATED = {("exchanges/records.py", "exec")}
"""`exec` of a text made of the field names of our own classes, as dataclasses does; nothing from outside is in it."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in FILES:
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def findings(name: str, tree: ast.Module) -> Iterator[str]:
    """What is wrong in one file."""
    for module in imported(tree):
        if module in BANNED_MODULES:
            yield f"{name} imports {module}: {BANNED_MODULES[module]}"
        if module in ONE_PLACE and name not in ONE_PLACE[module]:
            yield f"{name} imports {module}, which belongs in {ONE_PLACE[module]}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _call(name, node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in BANNED_ATTRIBUTES:
                yield f"{name}:{node.lineno} uses {node.value.id}.{node.attr}"
        elif isinstance(node, ast.Assign):
            yield from _assignment(name, node)


def _call(name: str, node: ast.Call) -> Iterator[str]:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    if called in BANNED_CALLS and (name, called) not in GENERATED:
        yield f"{name}:{node.lineno} calls {called}"
    for keyword in node.keywords:
        yield from _keyword(name, node, keyword)


def _keyword(name: str, node: ast.Call, keyword: ast.keyword) -> Iterator[str]:
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
    banned = {
        ("shell", True),
        ("verify", False),
        ("allow_redirects", True),
        ("diagnose", True),
        ("backtrace", True),
        ("trust_env", True),
        ("check_hostname", False),
    }
    if (keyword.arg, value) in banned:
        yield f"{name}:{node.lineno} passes {keyword.arg}={value}"


def _assignment(name: str, node: ast.Assign) -> Iterator[str]:
    value = node.value.value if isinstance(node.value, ast.Constant) else ...
    for target in node.targets:
        if isinstance(target, ast.Attribute):
            if (target.attr, value) in {("check_hostname", False), ("trust_env", True), ("verify", False)}:
                yield f"{name}:{node.lineno} sets {target.attr} to {value}"
            if target.attr == "verify_mode":
                yield f"{name}:{node.lineno} touches verify_mode: PROTOCOL_TLS_CLIENT has the right one"


def test_the_source_is_there_to_be_looked_at():
    assert len(FILES) > 150


def test_nothing_dangerous_is_in_the_source():
    assert [found for name, tree in trees() for found in findings(name, tree)] == []


def test_sessions_do_not_listen_to_the_environment():
    text = (ROOT / "exchanges/rest_transport.py").read_text()
    assert "trust_env = False" in text
    assert "max_redirects = 0" in text


def test_no_setting_turns_verification_off():
    table = settings_table().lower()
    for word in ("verify", "insecure", "skip_tls", "allow_redirect"):
        assert word not in table


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("import pickle", "pickle"),
        ("from shelve import open", "shelve"),
        ("eval('1')", "eval"),
        ("import os\nos.system('x')", "os.system"),
        ("import subprocess", "subprocess"),
        ("run(['x'], shell=True)", "shell"),
        ("get('x', verify=False)", "verify"),
        ("session.trust_env = True", "trust_env"),
        ("context.check_hostname = False", "check_hostname"),
        ("context.verify_mode = ssl.CERT_NONE", "verify_mode"),
        ("logger.add(f, diagnose=True)", "diagnose"),
        ("websocket.enableTrace(True)", "enableTrace"),
        ("get('x', allow_redirects=True)", "allow_redirects"),
        ("import requests", "requests"),
    ],
)
def test_the_look_finds_what_it_looks_for(source, word):
    assert word in " ".join(findings("actors/somewhere.py", ast.parse(source)))
