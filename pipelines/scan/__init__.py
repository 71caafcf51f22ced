"""Scan: what lies in a source, and what it says about rights, before any byte is changed."""
