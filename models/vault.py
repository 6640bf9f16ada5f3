"""Secrets at rest: encrypted in the database with a key that is not in the database.

The key is, in this order: `online_sync_key` in `odoo.conf`, the environment variable `ODOO_ONLINE_SYNC_KEY`, else a file that
is made once in the data directory, readable by the server's user only. The first two may list several keys, separated by
commas: the first one encrypts, all of them decrypt, so that a key can be replaced while secrets written with the old one are
still around (:func:`rotate`).
"""
import json
import logging
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from odoo import _
from odoo.exceptions import UserError
from odoo.tools import config

_logger = logging.getLogger(__name__)

OPTION = 'online_sync_key'
VARIABLE = 'ODOO_ONLINE_SYNC_KEY'
FILE_NAME = 'online_sync.key'


class SecretsLost(Exception):
    """The stored secret cannot be decrypted with any key of this server."""


def key_file() -> Path:
    """Where the key is kept when neither the configuration nor the environment gives one."""
    return Path(config['data_dir']) / FILE_NAME


def key_source() -> str:
    """Which place gives the key: 'config', 'environment' or 'file'."""
    if config.get(OPTION):
        return 'config'
    return 'environment' if os.environ.get(VARIABLE) else 'file'


def has_old_keys() -> bool:
    """Whether there are keys besides the one that encrypts."""
    return ',' in _keys().strip().strip(',')


def encrypt(values: dict) -> str:
    """Encrypt a dictionary of texts."""
    return _fernet().encrypt(json.dumps(dict(values)).encode()).decode()


def decrypt(token: str) -> dict:
    """The dictionary that was encrypted; :class:`SecretsLost` when the key is gone or the text was tampered with."""
    try:
        return json.loads(_fernet().decrypt(token.encode()))
    except InvalidToken:
        raise SecretsLost from None


def rotate(token: str) -> str:
    """Encrypt again with the first key what any of the keys decrypts."""
    try:
        return _fernet().rotate(token.encode()).decode()
    except InvalidToken:
        raise SecretsLost from None


def _fernet() -> MultiFernet:
    keys = [key.strip() for key in _keys().split(',') if key.strip()]
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise UserError(_(
            "The encryption key of Online Synchronization is not valid. Each key of “%(option)s” must be 32 bytes in URL-safe "
            "base64, as `python3 -c \"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())\"` prints it.",
            option=OPTION,
        )) from None


def _keys() -> str:
    return config.get(OPTION) or os.environ.get(VARIABLE) or _file_key()


def _file_key() -> str:
    path = key_file()
    try:
        return path.read_text()
    except FileNotFoundError:
        return _make_file_key(path)


def _make_file_key(path: Path) -> str:
    """Make the key; when another process makes it at the same time, take the one that was there first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Fernet.generate_key().decode()
    draft = path.with_name(f'{path.name}.{os.getpid()}')
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, 'w') as file:
        file.write(key)
    try:
        os.link(draft, path)
        _logger.warning("Online Synchronization made its encryption key in the data directory (%s). Back it up with the database: "
                        "without it every bank has to be connected again.", path)
    except FileExistsError:
        return path.read_text()
    finally:
        os.unlink(draft)
    return key
