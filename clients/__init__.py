"""Clients of bank feeds and accounting systems. Importing this package makes every provider known, see :mod:`clients.base`."""
from . import enable_banking, odoo_peer, simplefin
