"""Docs under test: what the README and its neighbours say is there, and what is there they say."""
