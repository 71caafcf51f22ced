"""The lake: Lance datasets, written by workers, committed exactly once by the driver."""
