"""What the sandbox refuses, and the way out of each."""

from autogen.core.errors import CodeError


class SandboxUnavailable(CodeError):
    """No sandbox, or the one in use is gone. Nothing ran."""

    def __init__(self, wanted: str, tried: tuple[tuple[str, str], ...], ways_out: tuple[str, ...]) -> None:
        super().__init__(wanted, tried, ways_out)
        self.wanted, self.tried, self.ways_out = wanted, tried, ways_out

    def __str__(self) -> str:
        lines = [f"no code was run: the sandbox {self.wanted!r} is not available on this machine"]
        lines += [f"  tried {name}: {reason}" for name, reason in self.tried]
        if self.ways_out:
            lines.append("ways out, cheapest first:")
            lines += [f"  {number}. {step}" for number, step in enumerate(self.ways_out, 1)]
        return "\n".join(lines)


class SandboxPolicyError(CodeError, ValueError):
    """The policy asks for something that this rung cannot keep, or that no sandbox should."""

    def __init__(self, rung: str, what: str, way_out: str) -> None:
        super().__init__(rung, what, way_out)
        self.rung, self.what, self.way_out = rung, what, way_out

    def __str__(self) -> str:
        return f"sandbox {self.rung!r}: {self.what}; {self.way_out}"


class UnsafePathError(CodeError, ValueError):
    """A file name from outside that must not be opened in the work directory."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"refused the file name {self.name!r}: {self.reason}; use a relative path inside the work directory"
