"""`esn-pulse rejects`: what was refused, and sending it again."""
