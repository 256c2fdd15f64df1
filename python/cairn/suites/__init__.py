"""Suites: models and machines that belong together, with figures to hold the results against."""
