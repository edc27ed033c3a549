"""The one way the laboratory says that it cannot do what was asked."""


class LabError(Exception):
    """Say in a sentence what is missing or did not start, and what to do about it."""
