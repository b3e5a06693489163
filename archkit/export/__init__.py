"""Networks as files for other libraries and devices."""
