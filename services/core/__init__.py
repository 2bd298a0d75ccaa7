"""What the services must agree on: entries, names, keys, errors, settings, the catalog store and the storage.

It is a library, not a service: it imports none of them, and none of them imports another.
"""
