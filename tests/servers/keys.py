"""RSA keys of the mock application."""
import os
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@lru_cache(maxsize=2)
def new_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A key that this process makes once: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def stored_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in a file, made there when there is none, so that it outlives a restart."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), 'w') as file:
            file.write(pem(new_key()))
    return serialization.load_pem_private_key(path.read_bytes(), password=None)
