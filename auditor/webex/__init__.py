"""Reading Webex: the only part of the package that touches the network."""
