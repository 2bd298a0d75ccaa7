"""Writes down the grammar of addresses (services/core/addresses/arguments.py) for nginx, people and clients."""
