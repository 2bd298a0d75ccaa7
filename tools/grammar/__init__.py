"""Writes down the grammar of addresses (services/transform/address/arguments.py) for nginx, people and clients."""
