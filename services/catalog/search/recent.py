"""The last uploads of this process, as the index may not have them yet. In memory only."""

from collections import deque

_KEPT = 10_000


class Recent:
    def __init__(self) -> None:
        self._uploads: deque[tuple[int, str, str]] = deque()
        self._names: dict[str, dict[str, int]] = {}
        """By signature: paths, with the number of the last change of each."""

    def add(self, number: int, signature: str, unique_name: str) -> None:
        """Note an upload, with the number of its change or of a later one."""
        self._uploads.append((number, signature, unique_name))
        self._names.setdefault(signature, {})[unique_name] = number
        if len(self._uploads) > _KEPT:
            self._drop()

    def forget(self, position: int) -> None:
        """Forget what an index with this position has."""
        while self._uploads and self._uploads[0][0] <= position:
            self._drop()

    def names(self, signature: str) -> list[str]:
        return list(self._names.get(signature, ()))

    def _drop(self) -> None:
        number, signature, name = self._uploads.popleft()
        names = self._names.get(signature)
        # The same path may have been noted twice with one number.
        if names is not None and names.get(name) == number:
            del names[name]
            if not names:
                del self._names[signature]
