"""One module per command of `esn-pulse`, each exposing `command`."""
