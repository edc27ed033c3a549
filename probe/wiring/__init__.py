"""The composition root: settings become a running program here, and only here all floors meet."""
