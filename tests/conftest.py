"""Settings that every test shares: property tests have no deadline, because the machine may be busy.

Refuses to know any part of the library; fixtures live beside the tests that use them.
"""

from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.load_profile("default")
