"""`make migrate`: moves an installation of the older Node.js service to TADA. See docs/migrating.md."""
