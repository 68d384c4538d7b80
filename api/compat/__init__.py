"""Other tools' interfaces to our studies."""
