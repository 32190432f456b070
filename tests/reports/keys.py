"""Keys of invented people that sign reports, made when a test asks for them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12

PASSPHRASE = "correct horse"
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def private(kind: str = "ec") -> Private:
    match kind:
        case "rsa":
            return rsa.generate_private_key(65537, 2048)
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return ec.generate_private_key(ec.SECP256R1())


def certificate(key: Private, name: str = "Audit Office", *, days: int = 30) -> x509.Certificate:
    """A certificate that signs itself; with negative `days` it ended that many days ago."""
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=60))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )


def key_file(
    folder: Path, *, kind: str = "ec", name: str = "Audit Office", days: int = 30, passphrase: str | None = PASSPHRASE
) -> Path:
    """`NAME.p12` with key and certificate, and `NAME.pem` with the certificate, in the folder."""
    key = private(kind)
    made = certificate(key, name, days=days)
    lock = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase.encode())
    path = folder / f"{name.replace(' ', '-').lower()}-{kind}.p12"
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"auditor", key, made, None, lock))
    path.with_suffix(".pem").write_bytes(made.public_bytes(Encoding.PEM))
    return path
