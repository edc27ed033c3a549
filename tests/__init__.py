"""Tests of mailflow-probe: rules as tables, adapters on real servers."""
