"""The feed: the events of the log of changes, as clients follow them.

| module | what it does |
|---|---|
| `feed` | reads the log once for all listeners of the process |
| `listener` | what one of them is sent, and when |
| `wanted` | which events a client wants, and may see (pure) |
| `frames` | server-sent events as text (pure) |
| `trail` | which events are those of one asset, from the last one back (pure) |
| `history` | reads them |
"""
