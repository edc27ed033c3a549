"""Measurements with goals: each prints a table beside a reference of the same run, and fails when a goal is missed."""
