"""A client of TADA, a self-hosted media service.

from tada_client import Client

with Client("http://localhost:3001", namespace="DEV") as tada:
    cat = tada.upload("cat.jpg", destination="pets", alt="A grey cat").entry
    print(tada.addresses().url(cat, width=400, format="avif"))
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tada_client.exports import *  # noqa: F403
    from tada_client.exports import __all__ as __all__


def __getattr__(name: str) -> Any:
    """Load what is exported when it is used: so the command is quiet if it is ended while it starts."""
    return getattr(importlib.import_module("tada_client.exports"), name)
