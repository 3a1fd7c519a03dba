"""Settings that every test shares: property tests have no deadline, because the machine may be busy; folders of tests
run in several processes, named files in one.

Refuses to know any part of the library; fixtures live beside the tests that use them.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.load_profile("default")

MOST_PROCESSES = 4
"""More processes than this wait for one another's longest test."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Processes for `-n auto`; 0 runs the tests in this one, which is sooner done where only a few files are named."""
    if not any(Path(argument).is_dir() for argument in config.args):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_PROCESSES) if cores > 1 else 0
