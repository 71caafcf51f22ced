"""The rules, and the papers that travel with data: pure functions without I/O, clock or randomness."""
