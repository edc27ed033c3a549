"""mailflow-probe: prove per member that mail really flows."""

__version__ = "0.1.0"
