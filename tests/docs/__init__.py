"""Docs under test: what the pages say is there, and what is there they say."""
