"""Read what released 0.2.40 answered (`record.py`). Recorded under Linux with Python 3.11."""

import json
from pathlib import Path
from typing import Any


def recorded(name: str) -> Any:
    return json.loads((Path(__file__).parent / "golden" / f"{name}.json").read_text(encoding="utf-8"))
