"""`python -m services.catalog adopt-storage`: an operator confirms that the storage is the right one for the
catalog."""

import sys

from redis.exceptions import RedisError

from services.core.errors import TadaError
from services.core.settings import CoreSettings
from services.core.state import connection
from services.core.state.belonging import Belonging
from services.core.storage import Marked, open_storage


async def adopt_storage(settings: CoreSettings) -> int:
    """Mark the storage of the settings as that of the catalog, and create it if it is missing; return the exit status.

    Running services notice it within a second. They need no restart.
    """
    client, storage = connection.connect(settings.redis_address), open_storage(settings)
    if not isinstance(storage, Marked):
        print(f"A storage of the kind {settings.delegated_storage_method} has no mark, so there is nothing to adopt.")
        return 0
    await storage.open()
    try:
        storage_id = await Belonging(client, storage).adopt()
    except (TadaError, RedisError) as error:
        print(f"The storage was not adopted: {error}", file=sys.stderr)
        return 1
    finally:
        await storage.close()
        await client.aclose()
    print(f"The storage {storage_id} belongs to the catalog now. POST /jobs/sync reports files that it does not have.")
    return 0
