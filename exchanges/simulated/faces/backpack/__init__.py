"""The Backpack face: the wire protocol of `venues/backpack.md`, written without a look at our own client."""
