"""Images from downloads, folders and drawn shapes, decoded once and kept in a cache. Needs no torch."""
