"""The sections of a report, each made of figures and tables about one question."""
