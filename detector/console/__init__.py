"""The desk in a browser: pages that work without JavaScript, and the same as JSON under /api.

Every request is asked who it is and what the route's right is (`access.ROUTES`) before anything else happens; every
look is a line of the audit log before it is shown.
"""
