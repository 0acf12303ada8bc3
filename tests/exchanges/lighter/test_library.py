import subprocess
import sys
import threading

import pytest

from exchanges.errors import ConfigError
from exchanges.lighter import library
from exchanges.lighter.library import HASHES, SignerRefused, check_file, file_name, load, locate


def test_the_library_is_found_and_is_the_known_one():
    path = locate()
    assert path.name in HASHES
    check_file(path, HASHES[path.name])


def test_the_sdk_is_not_imported():
    code = "import sys; from exchanges.lighter.library import load; load(); print('lighter' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "lighter-signer-linux-amd64.so"),
        ("Linux", "aarch64", "lighter-signer-linux-arm64.so"),
        ("Darwin", "arm64", "lighter-signer-darwin-arm64.dylib"),
        ("Darwin", "x86_64", "lighter-signer-darwin-amd64.dylib"),
        ("Windows", "AMD64", None),
        ("Linux", "riscv64", None),
    ],
)
def test_the_name_of_the_file_follows_the_platform(system, machine, name):
    assert file_name(system, machine) == name
    assert name is None or name in HASHES


def test_another_file_is_not_loaded(tmp_path):
    forged = tmp_path / "lighter-signer-linux-amd64.so"
    forged.write_bytes(b"\x7fELF")
    with pytest.raises(ConfigError, match=r"is not the file of lighter-sdk 1\.1\.8"):
        check_file(forged, HASHES[forged.name])
    with pytest.raises(ConfigError, match="cannot be read"):
        check_file(tmp_path / "none.so", "00")


def test_another_version_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(library.importlib.metadata, "version", lambda _: "1.2.0")
    with pytest.raises(ConfigError, match=r"1\.2\.0 is installed.*pip install 'lighter-sdk==1\.1\.8'"):
        locate.__wrapped__()


def test_a_missing_wheel_is_said_with_the_remedy(monkeypatch):
    def missing(name):
        raise library.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(library.importlib.metadata, "version", missing)
    with pytest.raises(ConfigError, match="not installed: run pip install"):
        locate.__wrapped__()


def test_a_platform_without_library_is_said(monkeypatch):
    monkeypatch.setattr(library.platform, "machine", lambda: "riscv64")
    with pytest.raises(ConfigError, match="no signing library for"):
        locate.__wrapped__()


def test_it_is_loaded_once_and_from_any_thread():
    found = []
    threads = [threading.Thread(target=lambda: found.append(load())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 4
    assert len(set(map(id, found))) == 1


def test_a_refusal_of_the_library_is_an_error_with_its_text():
    with pytest.raises(SignerRefused, match="client is not created"):
        load().auth_token(1_795_400_000, api_key_index=77, account_index=98_765)
