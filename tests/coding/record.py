"""Ask released 0.2.40 about every case of `tables.py` and keep its answers in `golden/`.

    <interpreter with pyautogen==0.2.40> tests/coding/record.py

Black box: it imports the released package, calls its public names, and writes down what came.
"""

import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from tables import BLOCKS, CONTENTS, LANGUAGES, LEGACY, PATTERNS, TEXTS  # noqa: E402


def attempt(ask):
    try:
        return ask()
    except Exception as error:
        return {"raises": type(error).__name__, "text": str(error)}


def extraction():
    from autogen.code_utils import content_str, extract_code, infer_lang
    from autogen.coding import MarkdownCodeExtractor

    def blocks(content):
        return [[b.language, b.code] for b in MarkdownCodeExtractor().extract_code_blocks(content)]

    return {
        "extract_code": {name: extract_code(text) for name, text in TEXTS.items()},
        "single": {name: extract_code(text, detect_single_line_code=True) for name, text in TEXTS.items()},
        "blocks": {name: blocks(text) for name, text in TEXTS.items()},
        "content_str": {name: attempt(lambda c=content: content_str(c)) for name, content in CONTENTS.items()},
        "contents": {name: attempt(lambda c=content: blocks(c)) for name, content in CONTENTS.items()},
        "patterns": {name: extract_code(text, pattern=pattern) for name, (text, pattern) in PATTERNS.items()},
        "infer_lang": [attempt(lambda c=code: infer_lang(c)) for code in LANGUAGES],
    }


def execution():
    from autogen.coding import CodeBlock, LocalCommandLineCodeExecutor

    answers = {}
    for name, blocks in BLOCKS.items():
        with tempfile.TemporaryDirectory() as folder:
            work = os.path.realpath(folder)
            policies = {"sh": False} if name == "policy off" else None
            executor = LocalCommandLineCodeExecutor(timeout=1, work_dir=work, execution_policies=policies)

            def ask(executor=executor, blocks=blocks, work=work):
                result = executor.execute_code_blocks([CodeBlock(code=c, language=name) for c, name in blocks])
                return {
                    "exit_code": result.exit_code,
                    "output": result.output.replace(work, "<work>"),
                    "code_file": result.code_file and result.code_file.replace(work, "<work>"),
                    "files": sorted(
                        str(p.relative_to(work)) for p in Path(work).rglob("*") if "__pycache__" not in str(p)
                    ),
                }

            answers[name] = attempt(ask)
    return answers


def legacy():
    from autogen.code_utils import execute_code

    answers = {}
    for name, (code, options) in LEGACY.items():
        with tempfile.TemporaryDirectory() as folder:
            work = os.path.realpath(folder)

            def ask(code=code, options=options, work=work):
                exit_code, logs, image = execute_code(code, work_dir=work, use_docker=False, **options)
                files = sorted(str(p.relative_to(work)) for p in Path(work).rglob("*") if p.is_file())
                return {"exit_code": exit_code, "logs": logs.replace(work, "<work>"), "image": image, "files": files}

            answers[name] = attempt(ask)
    return answers


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    for ask in (extraction, execution, legacy):
        path = HERE / "golden" / f"{ask.__name__}.json"
        path.write_text(json.dumps(ask(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
