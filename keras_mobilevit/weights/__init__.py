"""Published checkpoints: the map from each source's names to the names of our layers."""
