"""Integrations with the real thing: each module has `run(folder)`, which raises if something does not hold."""
