"""The documents of a training set, one module each: pure builders from facts to files."""
