"""A signed token of the application (RFC 7519, RS256), made with `cryptography` alone."""
import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SMALLEST_KEY_BITS = 2048


def load_rsa_key(pem: str) -> RSAPrivateKey:
    """The RSA key of a PEM text. Raises ValueError whose text says, for a user, what is wrong with it."""
    try:
        key = load_pem_private_key(pem.strip().encode(), password=None)
    except TypeError:
        raise ValueError("The private key is protected by a password. Save it without one and upload it again.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("This is not a private key. Upload the whole .pem file, from “-----BEGIN” to “-----END”.") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < SMALLEST_KEY_BITS:
        raise ValueError(f"The private key is of the wrong kind. It must be an RSA key of at least {SMALLEST_KEY_BITS} bits.")
    return key


def sign(key: RSAPrivateKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """The compact token: header, claims and signature."""
    content = b'.'.join(_encode(json.dumps(dict(part), separators=(',', ':')).encode()) for part in (header, claims))
    return (content + b'.' + _encode(key.sign(content, PKCS1v15(), hashes.SHA256()))).decode()


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b'=')
