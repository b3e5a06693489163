"""What becomes of a training batch on the device, each image with a draw of its own."""
