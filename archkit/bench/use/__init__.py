"""A network that was trained, from its run's folder alone: tested again, and asked about images."""
