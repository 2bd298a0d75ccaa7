"""Resumable uploads by the protocol tus 1.0: a file comes in several requests."""
