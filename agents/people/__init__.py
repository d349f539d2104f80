"""`esn-pulse people`: who was last seen when."""
