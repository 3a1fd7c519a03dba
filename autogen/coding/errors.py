"""What running code refuses at once, and the way out of each."""

from autogen.core.errors import CodeError, ConfigError


class ContainerUnavailable(CodeError, RuntimeError):
    """A container was asked for; nothing weaker is used in its place."""

    def __init__(self, use_docker: object, source: str) -> None:
        super().__init__(use_docker, source)
        self.use_docker, self.source = use_docker, source

    def __str__(self) -> str:
        return (
            f"{self.source} asks for code to run in a container ({self.use_docker!r}), but this version has no "
            "container executor, and code never runs in something weaker than asked for. Leave use_docker unset or "
            "False for the local sandbox, or pass an executor object of your own as "
            'code_execution_config={"executor": ...}'
        )


class WorkDirError(CodeError, ConfigError, OSError):
    """The folder that code is to run in cannot be made or used."""

    def __init__(self, work_dir: str, reason: str) -> None:
        super().__init__(work_dir, reason)
        self.work_dir, self.reason = work_dir, reason

    def __str__(self) -> str:
        return (
            f"work_dir {self.work_dir!r} cannot be used: {self.reason}; "
            "give a folder that this process may make and write to"
        )


class FunctionSetupError(CodeError, ValueError):
    """The functions that were given to an executor cannot be made available to code."""

    def __init__(self, step: str, output: str) -> None:
        super().__init__(step, output)
        self.step, self.output = step, output

    def __str__(self) -> str:
        return f"{self.step}. {self.output}" if self.step.endswith("failed") else f"{self.step}: {self.output}"


class UnknownKeyError(ConfigError):
    """A key that a configuration does not have."""

    def __init__(self, where: str, key: str, known: tuple[str, ...]) -> None:
        super().__init__(where, key, known)
        self.where, self.key, self.known = where, key, known

    def __str__(self) -> str:
        from difflib import get_close_matches

        near = get_close_matches(self.key, self.known, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        return f"{self.where} has no key {self.key!r}; {guess}known: {', '.join(self.known)}"
