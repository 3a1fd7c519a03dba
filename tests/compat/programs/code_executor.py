"""Code blocks run by an executor object."""

# No postponed annotations here: a function of this file is shown to the model as it is written.
import os
from typing import Any

from autogen.coding import CodeBlock, CodeResult, LocalCommandLineCodeExecutor, MarkdownCodeExtractor
from scenario import bot, chat, error, mute, scenario, user

TWO_BLOCKS = "Run\n```python\nprint(1)\n```\nand\n```sh\necho two\n```"


def run(base_url: str, work_dir: str, executor: Any = None, **config: Any) -> Any:
    chosen = executor or LocalCommandLineCodeExecutor(work_dir=work_dir, timeout=5)
    person = user(code_execution_config={"executor": chosen, **config}, default_auto_reply="nothing to run")
    result = person.initiate_chat(bot(base_url), message="go")
    return {**chat(result), "files": sorted(name for name in os.listdir(work_dir) if not name.startswith("tmp_code"))}


@scenario([TWO_BLOCKS, "```python\nraise SystemExit(3)\n```", "no code", "TERMINATE"])
def blocks(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario([TWO_BLOCKS, "TERMINATE"])
def by_name(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir, "commandline-local", **{"commandline-local": {"work_dir": work_dir, "timeout": 5}})


@scenario(["```klingon\nqapla\n```", "```python\nprint(1)\n```\n```klingon\nqapla\n```", "TERMINATE"])
def unknown_language(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(
    [
        "```\nprint('python')\n```",
        "```Python\nprint('P')\n```",
        "```py\nprint('py')\n```",
        "```bash\necho bash\n```",
        "TERMINATE",
    ]
)
def names_of_languages(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(
    [
        "```python\n# filename: saved.py\nprint('saved')\n```",
        "```html\n<!-- filename: page.html -->\n<p>\n```",
        "```css\np {}\n```",
        "TERMINATE",
    ]
)
def saved_under_a_name(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["```python\nprint('out')\nimport sys\nprint('err', file=sys.stderr)\n```", "TERMINATE"])
def outputs(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["```python\nimport time\ntime.sleep(5)\n```", "TERMINATE"])
def timeout(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir, LocalCommandLineCodeExecutor(work_dir=work_dir, timeout=1))


@scenario()
def executor_directly(base_url: str, work_dir: str) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=work_dir, timeout=5)
    rows = []
    for language, code in (
        ("python", "print(1)"),
        ("sh", "echo 2"),
        ("python", "raise SystemExit(7)"),
        ("klingon", "x"),
        ("python", "# filename: kept.py\nprint(3)"),
    ):
        result = executor.execute_code_blocks([CodeBlock(code=code, language=language)])
        name = os.path.relpath(result.code_file, work_dir) if result.code_file else None
        rows.append(
            [
                result.exit_code,
                result.output,
                name if name is None or name.startswith("kept") else name.rpartition(".")[2],
                type(result).__name__,
            ]
        )
    return [rows, executor.timeout, str(executor.work_dir), executor.restart()]


@scenario()
def dangerous_commands(base_url: str, work_dir: str) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=work_dir, timeout=5)
    return [
        error(LocalCommandLineCodeExecutor.sanitize_command, "bash", command)
        for command in (
            "rm -rf /",
            "mv x /dev/null",
            "dd if=/dev/zero",
            "echo x > /dev/sda",
            ":(){ :|:& };:",
            "echo fine",
        )
    ] + [error(executor.execute_code_blocks, [CodeBlock(code="rm -rf /", language="sh")])]


@scenario()
def policies(base_url: str, work_dir: str) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=work_dir, execution_policies={"python": False})
    result = executor.execute_code_blocks([CodeBlock(code="print(1)", language="python")])
    return [
        LocalCommandLineCodeExecutor.DEFAULT_EXECUTION_POLICY,
        LocalCommandLineCodeExecutor.SUPPORTED_LANGUAGES,
        result.exit_code,
        result.output.replace(str(result.code_file), "<file>"),
    ]


@scenario()
def constructor_errors(base_url: str, work_dir: str) -> Any:
    from autogen.coding.factory import CodeExecutorFactory

    return [
        error(LocalCommandLineCodeExecutor, timeout=0),
        error(LocalCommandLineCodeExecutor, functions_module="not a name"),
        error(CodeExecutorFactory.create, {"executor": "no such"}),
        error(CodeExecutorFactory.create, {}),
        type(CodeExecutorFactory.create({"executor": "commandline-local"})).__name__,
    ]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@scenario()
def functions_for_the_prompt(base_url: str, work_dir: str) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=work_dir, functions=[add], timeout=10)
    result = executor.execute_code_blocks(
        [CodeBlock(code="from functions import add\nprint(add(1, 2))", language="python")]
    )
    return [
        executor.format_functions_for_prompt("T: $functions"),
        [result.exit_code, result.output],
        executor.functions_module,
        len(executor.functions),
    ]


@scenario()
def values(base_url: str, work_dir: str) -> Any:
    from autogen.coding.base import CommandLineCodeResult

    block, result = CodeBlock(code="x", language="python"), CodeResult(exit_code=0, output="o")
    with_file = CommandLineCodeResult(exit_code=0, output="o", code_file="f")
    return [
        repr(block),
        repr(result),
        repr(with_file),
        block == CodeBlock(code="x", language="python"),
        block.code,
        result.output,
    ]


@scenario()
def markdown_extraction(base_url: str, work_dir: str) -> Any:
    extractor = MarkdownCodeExtractor()
    texts = [
        "no code",
        "```python\nx = 1\n```",
        "```\nprint(1)\n```",
        "a\n```python\nx\n```\nb\n```sh\ny\n```",
        "  ```python\n  x\n  ```",
        "```python\nunclosed",
        "",
        None,
    ]
    parts = [{"type": "text", "text": "```python\nx\n```"}]
    return [[[block.language, block.code] for block in extractor.extract_code_blocks(text)] for text in [*texts, parts]]


@scenario()
def config_refused(base_url: str, work_dir: str) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=work_dir)
    return [
        error(mute, "a", code_execution_config={"executor": executor, "use_docker": False}),
        error(mute, "b", code_execution_config={"executor": executor, "work_dir": "w"}),
        error(mute, "c", code_execution_config={"executor": executor, "timeout": 3}),
        error(mute, "d", code_execution_config={"executor": "no such"}),
    ]


@scenario()
def properties(base_url: str, work_dir: str) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=work_dir)
    one = mute("one", code_execution_config={"executor": executor})
    return [
        one.code_executor is executor,
        sorted(one._code_execution_config),
        one.use_docker,
        error(lambda: mute("two").code_executor),
    ]


@scenario()
def last_n_messages(base_url: str, work_dir: str) -> Any:
    kept = {}
    for last in ("auto", 1, 2, 3):
        one = mute(
            "one",
            "nothing found",
            code_execution_config={
                "executor": LocalCommandLineCodeExecutor(work_dir=work_dir),
                "last_n_messages": last,
            },
        )
        two = mute("two")
        two.send("```python\nprint('oldest')\n```", one, request_reply=False, silent=True)
        one.send("own words", two, request_reply=False, silent=True)
        two.send("```python\nprint('older')\n```", one, request_reply=False, silent=True)
        two.send("no code", one, request_reply=False, silent=True)
        kept[str(last)] = one.generate_reply(sender=two)
    one = mute(
        "one", code_execution_config={"executor": LocalCommandLineCodeExecutor(work_dir=work_dir), "last_n_messages": 0}
    )
    kept["0"] = error(one.generate_reply, messages=[{"content": "x"}], sender=mute("two"))
    return kept


@scenario(["```python\nprint(6 * 7)\n```", "TERMINATE"])
def an_executor_of_ones_own(base_url: str, work_dir: str) -> Any:
    class Pretending:
        @property
        def code_extractor(self) -> Any:
            return MarkdownCodeExtractor()

        def execute_code_blocks(self, code_blocks: Any) -> Any:
            print(f"[{len(code_blocks)} blocks: {code_blocks[0].code}]")
            return CodeResult(exit_code=0, output="pretended")

        def restart(self) -> None:
            """Nothing is kept."""

    return run(base_url, work_dir, Pretending())
