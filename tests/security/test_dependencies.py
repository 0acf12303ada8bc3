"""RELIABILITY.md E16, E17: a release is installed from exact, hashed wheels that hold what setup.cfg asks for."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from exchanges.lighter.library import HASHES, VERSION

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "release.txt"
TOOL = runpy.run_path(str(ROOT / ".ci" / "lock"))
problems, locked, required = TOOL["problems"], TOOL["locked"], TOOL["required"]
GOOD = "pykka==4.5.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"


def test_the_lock_holds_what_setup_cfg_asks_for():
    command = [sys.executable, ".ci/lock", "--check"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_lock_is_small_exact_and_says_how_to_install_it():
    text = LOCK.read_text()
    pins, strange = locked(text)
    assert strange == []
    assert 20 <= len(pins) <= 40
    assert "--require-hashes --only-binary :all: --no-deps -r requirements/release.txt" in text
    assert pins["lighter-sdk"][0] == VERSION
    assert len(HASHES) == 4


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        (GOOD, "pykka ==4.4.*", "the lock has 4.5.0"),
        ("", "pykka", "not in the lock"),
        ("pykka==4.5.0\n", "pykka", "no hash"),
        (GOOD + GOOD, "pykka", "stands twice"),
        (GOOD + "loguru>=0.7\n", "pykka", "neither a pin nor a hash"),
        (GOOD + "x @ git+ssh://host/x\n", "pykka", "an address stands in it"),
        (GOOD + "--index-url somewhere\n", "pykka", "neither a pin nor a hash"),
        (GOOD.replace("sha256", "md5"), "pykka", "neither a pin nor a hash"),
    ],
)
def test_a_lock_that_does_not_hold_is_told(text, asked, said):
    assert said in " ".join(problems(text, [Requirement(asked)]))


def test_what_a_dependency_asks_for_must_be_there_too():
    text = LOCK.read_text()
    without = text.replace("\nidna==", "\nidna-x==")
    assert "idna: not in the lock" in " ".join(problems(without, required()))
