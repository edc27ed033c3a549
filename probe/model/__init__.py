"""The ground floor: frozen values and pure functions, without I/O, clock, randomness or logging."""
