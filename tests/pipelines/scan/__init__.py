"""Tests of scan: what files say about rights, and the facts that it becomes."""
