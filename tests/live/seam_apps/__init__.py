"""Workers for the contract tests of the seam with Faust."""
