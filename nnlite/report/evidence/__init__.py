"""The numbers behind a report: what a run's files hold, and what its model says about its data."""
