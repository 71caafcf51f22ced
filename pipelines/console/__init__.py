"""The audit console: pages of what is on record, in a browser, for people who work with rights.

Import the application from `app`; its pages read through a read-only session, behind a sign-in.
"""
