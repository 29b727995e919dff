"""The cameras of this machine: which are there, what they are, what they can do and how they are set."""
