"""Writes down the grammar of addresses (services/transform/address/arguments.py) for nginx and for people."""
