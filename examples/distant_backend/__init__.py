"""A distant backend for TADA, to read and to run: the protocol of docs/distant-backend.md on a folder."""
