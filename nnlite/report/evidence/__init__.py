"""The numbers behind a report: the files of a run, and its model's results on its data."""
