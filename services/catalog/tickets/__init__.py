"""Tickets: with one, a page uploads without a token what the ticket says, and nothing else."""
