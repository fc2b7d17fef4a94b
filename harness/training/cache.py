"""Where compiled programs are kept, so that the runs of an invocation share them.

Nothing here needs a backend: whoever starts an invocation makes the cache, and it ends with it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

Program = TypeVar("Program")


class ProgramCache:
    """Programs by their keys; beyond `capacity`, the least recently used are forgotten.

    Several threads may ask for them.
    """

    def __init__(self, capacity: int = 16) -> None:
        self._capacity = capacity
        self._programs: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, build: Callable[[], Program]) -> Program:
        """Give the program of this key, built where there is none yet."""
        with self._lock:
            if key not in self._programs:
                self._programs[key] = build()
            self._programs.move_to_end(key)
            while len(self._programs) > self._capacity:
                self._programs.popitem(last=False)
            program: Program = self._programs[key]
            return program

    def __iter__(self) -> Iterator[Any]:
        return iter(self._programs.values())

    def __len__(self) -> int:
        return len(self._programs)
