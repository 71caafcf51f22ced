"""The rules, and the papers that travel with data: no I/O, no clock, no randomness."""
