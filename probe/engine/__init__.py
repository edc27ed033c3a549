"""Rounds, sending, settling, watching and verdicts: what the program does, told in terms of the model and its ports."""
