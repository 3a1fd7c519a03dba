"""Code blocks run in the older way: `code_execution_config={"work_dir": ..., "use_docker": False}`."""

from __future__ import annotations

import os
from typing import Any

import autogen
from scenario import bot, chat, error, mute, scenario, user, views

TWO_BLOCKS = "Run\n```python\nprint(1)\n```\nand\n```sh\necho two\n```"


def files(folder: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names
    )


def run(base_url: str, work_dir: str, **config: Any) -> Any:
    person = user(
        code_execution_config={"work_dir": "w", "use_docker": False, **config}, default_auto_reply="nothing to run"
    )
    result = person.initiate_chat(bot(base_url), message="go")
    return {**chat(result), "files": files(work_dir)}


@scenario(["```python\nprint('hi')\n```", "TERMINATE"])
def success(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario([TWO_BLOCKS, "TERMINATE"])
def several_blocks(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["```python\nprint(1)\nraise SystemExit(3)\n```\n```python\nprint('not reached')\n```", "TERMINATE"])
def failure_stops_the_rest(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["```python\nprint(1\n```", "TERMINATE"])
def syntax_error(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["```klingon\nqapla\n```", "```python\nprint(1)\n```\n```klingon\nqapla\n```", "TERMINATE"])
def unknown_language(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(
    [
        "```\nprint('python')\n```",
        "```Python\nprint('P')\n```",
        "```py\nprint('py')\n```",
        "```bash\necho bash\n```",
        "```shell\necho shell\n```",
        "TERMINATE",
    ]
)
def names_of_languages(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["```\necho shell\n```", "TERMINATE"])
def untagged_block_that_is_not_python(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(
    [
        "```python\n# filename: saved.py\nprint('saved')\n```",
        "```python\n# filename: a/b.py\nprint('deep')\n```",
        "TERMINATE",
    ]
)
def saved_under_a_name(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["no code", "still none", "TERMINATE"])
def no_code(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["`print(1)`", "TERMINATE"])
def code_in_one_line_is_not_run(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(
    [
        "```python\nimport sys\nprint('out')\nprint('err', file=sys.stderr)\n```",
        "```python\n```",
        "```python\n\n```",
        "```python\npass\n```",
        "TERMINATE",
    ]
)
def outputs(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario(["```python\nimport time\ntime.sleep(5)\n```", "TERMINATE"])
def timeout(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir, timeout=1)


@scenario(
    ["```python\nopen('made.txt', 'w').write('x')\n```", "```python\nprint(open('made.txt').read())\n```", "TERMINATE"]
)
def files_stay_in_the_work_dir(base_url: str, work_dir: str) -> Any:
    return run(base_url, work_dir)


@scenario()
def default_last_n_messages(base_url: str, work_dir: str) -> Any:
    return search("auto")


def search(last: Any) -> Any:
    one = mute(
        "one", "nothing found", code_execution_config={"work_dir": "w", "use_docker": False, "last_n_messages": last}
    )
    two = mute("two")
    two.send("```python\nprint('oldest')\n```", one, request_reply=False, silent=True)
    one.send("own words", two, request_reply=False, silent=True)
    two.send("```python\nprint('older')\n```", one, request_reply=False, silent=True)
    two.send("no code", one, request_reply=False, silent=True)
    found = one.generate_reply(sender=two)
    two.send("```python\nprint('newest')\n```\n```python\nprint('of two')\n```", one, request_reply=False, silent=True)
    return [found, one.generate_reply(sender=two)]


@scenario()
def last_n_messages(base_url: str, work_dir: str) -> Any:
    return {str(last): search(last) for last in (1, 2, 3, 4, 100)}


@scenario()
def last_n_messages_refused(base_url: str, work_dir: str) -> Any:
    kept = []
    for last in (0, -1, "many"):

        def reply(last: Any = last) -> Any:
            one = mute(
                "one", "nothing", code_execution_config={"work_dir": "w", "use_docker": False, "last_n_messages": last}
            )
            return one.generate_reply(messages=[{"content": "x", "role": "user"}], sender=mute("two"))

        kept.append(error(reply))
    return kept


@scenario()
def generate_code_execution_reply_directly(base_url: str, work_dir: str) -> Any:
    one = mute("one", code_execution_config={"work_dir": "w", "use_docker": False})
    off = mute("off")
    messages = [{"content": "```python\nprint(1)\n```", "role": "user"}]
    return [
        list(one.generate_code_execution_reply(messages)),
        list(one.generate_code_execution_reply(messages, config=False)),
        list(off.generate_code_execution_reply(messages)),
        list(one.generate_code_execution_reply([{"content": "", "role": "user"}])),
        list(
            one.generate_code_execution_reply(
                [{"content": [{"type": "text", "text": "```python\nprint(2)\n```"}], "role": "user"}]
            )
        ),
    ]


@scenario()
def execute_code_blocks_directly(base_url: str, work_dir: str) -> Any:
    one = mute("one", code_execution_config={"work_dir": "w", "use_docker": False})
    return [
        list(one.execute_code_blocks([("python", "print(1)"), ("sh", "echo 2")])),
        list(one.execute_code_blocks([("", "print(3)")])),
        list(one.execute_code_blocks([("unknown", "4")])),
        list(one.run_code("print(5)", lang="python")),
        list(one.run_code("print(6)", lang="python", work_dir="w", use_docker=False)),
    ]


@scenario()
def config_is_kept(base_url: str, work_dir: str) -> Any:
    given = {"work_dir": "w", "use_docker": False, "timeout": 5}
    one = mute("one", code_execution_config=given)
    return [
        given,
        dict(one._code_execution_config),
        one.use_docker,
        error(lambda: one.code_executor),
        mute("two").use_docker,
        mute("two")._code_execution_config,
    ]


@scenario()
def execute_code_function(base_url: str, work_dir: str) -> Any:
    from autogen.code_utils import execute_code

    return [
        list(execute_code("print(1)", work_dir="w", use_docker=False)),
        list(execute_code("echo 2", lang="sh", work_dir="w", use_docker=False)),
        list(execute_code("import sys; sys.exit(4)", work_dir="w", use_docker=False)),
        list(execute_code("raise ValueError('x')", work_dir="w", use_docker=False))[0],
        list(execute_code("import time; time.sleep(5)", timeout=1, work_dir="w", use_docker=False)),
        list(execute_code("print('named')", filename="named.py", work_dir="w", use_docker=False)),
        list(execute_code(filename="named.py", work_dir="w", use_docker=False)),
        files(work_dir),
    ]


@scenario()
def extraction(base_url: str, work_dir: str) -> Any:
    from autogen.code_utils import content_str, extract_code, infer_lang

    texts = [
        "no code",
        "```python\nprint(1)\n```",
        "```\nprint(1)\n```",
        "a\n```python\nx\n```\nb\n```sh\ny\n```",
        "  ```python\n  indented\n  ```",
        "```python\r\nx\r\n```",
        "``` python\nspaced\n```",
        "```python\nunclosed",
        "```python\n```",
        "one `line` here",
        "",
        "```c++\nx\n```",
        "```python\nprint('```')\n```",
    ]
    parts = [{"type": "text", "text": "```python\nx\n```"}]
    return [
        [extract_code(text) for text in texts],
        [extract_code(text, detect_single_line_code=True) for text in texts],
        extract_code(parts),
        [
            infer_lang(code)
            for code in ("print(1)", "echo 1", "pip install x", "python x.py", "x = 1", "1 +", "", "ls -l", "import os")
        ],
        [content_str(value) for value in (None, "text", parts, [{"type": "image_url", "image_url": {"url": "u"}}], [])],
        error(content_str, 3),
        error(content_str, [{"type": "sound"}]),
        error(content_str, ["text"]),
    ]


@scenario(["```python\nprint(1)\n```", "TERMINATE"])
def tools_and_code_on_one_agent(base_url: str, work_dir: str) -> Any:
    person = user(code_execution_config={"work_dir": "w", "use_docker": False}, function_map={"f": lambda: "v"})
    agent = bot(base_url)
    person.initiate_chat(agent, message="go")
    return views(person)


@scenario(["r1"])
def assistant_that_runs_code(base_url: str, work_dir: str) -> Any:
    person = user(default_auto_reply="```sh\necho $((40 + 2))\n```", max_consecutive_auto_reply=1)
    runner = autogen.AssistantAgent(
        "runner",
        system_message="s",
        llm_config=bot(base_url).llm_config,
        code_execution_config={"work_dir": "w", "use_docker": False},
    )
    person.initiate_chat(runner, message="hello")
    return views(person, runner)
