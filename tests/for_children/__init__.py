"""What processes that tests start find in place of installed packages: see tests/conftest.py."""
