"""Memory that a pickle would take, computed without loading it.

A pickle can contain a long string once and copy it a million times, or request an array of any
length. This module interprets the pickle's instructions with sizes in place of values.
"""

from collections.abc import Iterable
from itertools import takewhile
from typing import Any

MARK = object()
POINTER = 8
MOST = 1 << 62  # beyond any memory; sizes stop growing here, as they could get millions of digits
# Callables that make an object as large as the number that is their argument.
SIZED = ("bytearray", "Tensor", "Storage", "ndarray", "_reconstruct")
CALLS = {"REDUCE": 2, "NEWOBJ": 2, "NEWOBJ_EX": 3}
INTO_FROM_MARKED = ("APPENDS", "SETITEMS", "ADDITEMS")
MARKED = (*INTO_FROM_MARKED, "LIST", "TUPLE", "DICT", "FROZENSET", "OBJ", "POP_MARK")
NEW_OF = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "BINPERSID": 1}
INTO = {"APPEND": 1, "SETITEM": 2, "BUILD": 1}
PUTS, GETS = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), ("GET", "BINGET", "LONG_BINGET")
MOVES = ("MARK", "DUP", "POP", "STACK_GLOBAL", *NEW_OF, *MARKED)
SILENT = ("PROTO", "FRAME", "STOP")


class _Thing:
    """A value: its bytes including those of its parts, and the product of the numbers in it."""

    def __init__(self, size: int = 0, number: int = 0, name: str = "") -> None:
        self.size, self.number, self.name = size, number, name

    def take(self, others: Iterable["_Thing"]) -> "_Thing":
        for other in others:
            self.size = min(self.size + other.size + POINTER, MOST)
            self.number = min(max(self.number, 1) * max(other.number, 1), MOST)
        return self


def unpickled_size(instructions: Iterable[tuple[Any, Any, int | None]], limit: int) -> int:
    """Return an upper bound of the bytes that a pickle's values and all copies of them take.

    Args:
        instructions: Result of ``pickletools.genops`` for one pickle.
        limit: Size at which the computation stops, because a larger one would not be accepted.

    Raises:
        ValueError, IndexError, KeyError: If the input is no pickle, or a damaged one.
    """
    stack: list[Any] = []
    memo: dict[int, _Thing] = {}
    total = 0
    for code, argument, _ in instructions:
        name = code.name
        if name in PUTS:
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name in GETS:
            stack.append(memo[argument])
        elif name in CALLS:
            function, *arguments = _pop(stack, CALLS[name])
            stack.append(_called(function, arguments))
            total += stack[-1].size
        elif name in INTO:
            thing, *others = _pop(stack, INTO[name] + 1)
            stack.append(thing.take(others))
            if name == "BUILD":  # an array copies the data it is built from
                total += sum(other.size for other in others)
        elif name in MOVES:
            _move(stack, name)
        elif name not in SILENT:
            stack.append(_literal(argument))
            total += stack[-1].size
        if total > limit:
            break
    return total


def _literal(value: Any) -> _Thing:
    if isinstance(value, str | bytes | bytearray):
        return _Thing(len(value), name=value if isinstance(value, str) else "")
    return _Thing(POINTER, abs(value) if isinstance(value, int) else 0)


def _called(function: _Thing, arguments: list[_Thing]) -> _Thing:
    """Return the result of a call: as large as all its arguments, or as large as they request."""
    result = _Thing(POINTER).take(arguments)
    if function.name.endswith(SIZED):
        result.size = min(result.size + result.number, MOST)
    result.number = 0
    return result


def _move(stack: list[Any], name: str) -> None:
    """Follow an instruction that only moves values on the stack."""
    if name == "MARK":
        stack.append(MARK)
    elif name == "DUP":
        stack.append(stack[-1])
    elif name == "POP":
        stack.pop()
    elif name == "STACK_GLOBAL":
        _, named = _pop(stack, 2)
        stack.append(_Thing(name=named.name))
    elif name in NEW_OF:
        stack.append(_Thing().take(_pop(stack, NEW_OF[name])))
    elif name in MARKED:
        items = list(takewhile(lambda item: item is not MARK, reversed(stack)))
        _pop(stack, len(items) + 1)
        if name in INTO_FROM_MARKED:
            stack[-1].take(items)
        elif name != "POP_MARK":
            stack.append(_Thing().take(items))


def _pop(stack: list[Any], count: int) -> list[Any]:
    popped = stack[-count:]
    if len(popped) < count:
        raise IndexError("The pickle takes more values than there are.")
    del stack[-count:]
    return popped
