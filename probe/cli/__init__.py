"""The command line: arguments, exit codes, tables; the only floor that prints for a person."""

from probe.cli.main import main

__all__ = ["main"]
