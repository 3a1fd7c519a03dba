"""Bait for one session, and a net around the tests: whatever a broken sandbox lets through stays bounded."""

import contextlib
import os
import resource
from collections.abc import Iterator

import pytest

from tests.sandbox.world import World, new_world

_GIB = 1 << 30
_NET = {resource.RLIMIT_FSIZE: _GIB, resource.RLIMIT_DATA: 8 * _GIB, resource.RLIMIT_CORE: 0}


@pytest.fixture(scope="session")
def net() -> Iterator[None]:
    before = {number: resource.getrlimit(number) for number in _NET}
    for number, bound in _NET.items():
        hard = before[number][1]
        resource.setrlimit(number, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
    yield
    for number, limits in before.items():
        resource.setrlimit(number, limits)


@pytest.fixture(scope="session")
def world(net: None) -> Iterator[World]:
    with new_world() as made:
        yield made


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """More than 1024 file descriptors in this process, as a program has that holds many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("too few file descriptors allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
