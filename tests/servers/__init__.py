"""Loopback servers that speak the providers' protocols. Standard library only; nothing here imports `odoo`."""
