"""The audit console: pages of what is on record, in a browser, for people who work with rights.

Import the application from `app`; it reads through a read-only session and changes nothing.
"""
