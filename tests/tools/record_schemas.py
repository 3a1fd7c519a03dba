"""Records what released AutoGen 0.2.40 answers for `schema_cases.py`, as a black box.

Run with an interpreter that has autogen 0.2.40 and pydantic: `python tests/tools/record_schemas.py`.
Writes `schemas_0_2_40.json` beside this file: {case: the schema as JSON text, so that key order is kept}.
"""

import json
from pathlib import Path

import pydantic
from schema_cases import GROUPS

from autogen.function_utils import get_function_schema

HERE = Path(__file__).parent


def main() -> None:
    recorded = {"pydantic": pydantic.VERSION}
    for name, function in GROUPS.items():
        recorded[name] = json.dumps(get_function_schema(function, description="What it does"))
    text = json.dumps(recorded, indent=1, ensure_ascii=False) + "\n"
    (HERE / "schemas_0_2_40.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
