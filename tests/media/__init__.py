"""Pictures and recordings."""
