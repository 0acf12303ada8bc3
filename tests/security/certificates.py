"""An authority made on the spot, and the certificates it signs: good ones, and those that must be refused."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exchanges.clock import SystemClock

DAY: Final = dt.timedelta(days=1)


def _now() -> dt.datetime:
    return dt.datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, dt.UTC)


class Served:
    """A certificate with its key, as `tests.exchanges.loopback.Loopback` serves it."""

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        self._certificate_file = certificate_file
        self._key_file = key_file

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self._certificate_file), str(self._key_file))
        return context


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._serial = 1
        made = self._builder(self._name, self._key, _now() - DAY, 30 * DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.ca_file = str(folder / f"{name}.pem")
        Path(self.ca_file).write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, *, begins: dt.timedelta = -DAY, lasts: dt.timedelta = 7 * DAY) -> Served:
        """Sign a certificate of a host, valid from so long from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            entry: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            entry = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = self._builder(subject, key, _now() + begins, lasts)
        made = made.add_extension(x509.SubjectAlternativeName([entry]), critical=False)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        certificate_file = self._folder / f"served-{self._serial}.pem"
        key_file = self._folder / f"served-{self._serial}.key"
        certificate_file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Served(certificate_file, key_file)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begin: dt.datetime, lasts: dt.timedelta
    ) -> x509.CertificateBuilder:
        self._serial += 1
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(self._serial)
            .not_valid_before(begin)
            .not_valid_after(begin + lasts)
        )
