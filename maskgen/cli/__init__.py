"""Commands of maskgen: one file per command, each with the text that it prints."""
