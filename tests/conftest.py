"""Puts this folder on the import path, so that every test can say `from builders import ...`."""

from hypothesis import settings

# How long an example takes says something of the machine, nothing of the law.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
