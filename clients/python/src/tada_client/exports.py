"""What `import tada_client` gives."""

from tada_client.addresses import Addresses, AddressRefused, Wanted, version_of
from tada_client.async_client import AsyncClient
from tada_client.carrying import VERSION
from tada_client.client import Client
from tada_client.errors import (
    AlreadyExists,
    BadAnswer,
    Conflict,
    FileChanged,
    Forbidden,
    NotFound,
    NotReached,
    Refused,
    ServiceFailed,
    TadaError,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unprocessable,
)
from tada_client.flows import Resume
from tada_client.models import (
    About,
    Action,
    Conditions,
    Dump,
    Entry,
    Event,
    Fields,
    Folder,
    Job,
    OnConflict,
    Trashed,
    Upload,
)
from tada_client.names import uuid_of
from tada_client.retries import NEVER, Retries
from tada_client.wire import BytesSource, FileSource, Progress, Source

__version__ = VERSION

__all__ = [
    "NEVER",
    "About",
    "Action",
    "AddressRefused",
    "Addresses",
    "AlreadyExists",
    "AsyncClient",
    "BadAnswer",
    "BytesSource",
    "Client",
    "Conditions",
    "Conflict",
    "Dump",
    "Entry",
    "Event",
    "Fields",
    "FileChanged",
    "FileSource",
    "Folder",
    "Forbidden",
    "Job",
    "NotFound",
    "NotReached",
    "OnConflict",
    "Progress",
    "Refused",
    "Resume",
    "Retries",
    "ServiceFailed",
    "Source",
    "TadaError",
    "TooLarge",
    "TooManyRequests",
    "Trashed",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "Upload",
    "Wanted",
    "__version__",
    "uuid_of",
    "version_of",
]
