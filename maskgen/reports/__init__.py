"""HTML reports of a data set."""
