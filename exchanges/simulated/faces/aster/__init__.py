"""The Aster face: the wire protocol of `venues/aster.md`, written without a look at our own client."""
