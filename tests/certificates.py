"""Certificates that sign themselves, for servers under test."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path


def write_pair(directory: Path, name: str = "localhost", *, days: int = 30) -> tuple[str, str]:
    """Write a certificate for this machine and its key, over those that are there; give their paths.

    :param name: its subject, to tell one from another.
    :param days: when it ends, from now; negative for one that has ended.
    """
    directory.mkdir(exist_ok=True, parents=True)
    certificate, key = make_certificate(directory, name, "localhost", "127.0.0.1", stem="own", days=days)
    return str(certificate), str(key)


def make_certificate(directory: Path, *names: str, stem: str = "server", days: int = 2) -> tuple[Path, Path]:
    """Make one for these names and addresses; give the files of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(timezone.utc)
    shown = [_general(name) for name in dict.fromkeys(names)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(shown), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / f"{stem}.pem", directory / f"{stem}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8, bare = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(pem, pkcs8, bare))
    return paths


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
