"""The library: a page on which people work with their pictures.

The service gives it as files. Whatever it does, it does through the public API, as any other client.
"""
