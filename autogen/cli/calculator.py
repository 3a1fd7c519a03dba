"""Arithmetic on a text that a model wrote: parsed, walked, bounded, never evaluated.

Decides what counts as arithmetic. Refuses names, calls, attributes and anything else of Python.
"""

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

_TWO: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
MAX_LENGTH = 300
MAX_EXPONENT = 1000


def calculate(expression: str) -> str:
    """The value of `expression`, made of numbers, + - * / // % ** and parentheses.

    Raises ValueError, saying what is wrong, for anything else and for results that are too large.
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as wrong:
        raise ValueError(f"not an arithmetic expression: {wrong.msg}") from wrong
    try:
        value = _value(tree.body)
    except (ArithmeticError, RecursionError) as wrong:
        raise ValueError(str(wrong) or type(wrong).__name__) from wrong
    return str(value)


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _TWO:
            return _bounded(_TWO[type(op)](_value(left), _value(right)))
        case _:
            raise ValueError(f"only numbers, + - * / // % ** and parentheses are understood, not {ast.unparse(node)!r}")


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > MAX_EXPONENT:
        raise ValueError(f"the exponent is larger than {MAX_EXPONENT}")
    value: Any = base**exponent
    if isinstance(value, complex):
        raise ValueError("the result is not a real number")
    return _bounded(value)


def _bounded(value: float) -> float:
    if isinstance(value, int):
        if value.bit_length() > 4000:
            raise ValueError("the number is too large")
    elif not math.isfinite(value):
        raise ValueError("the result is not a finite number")
    return value
