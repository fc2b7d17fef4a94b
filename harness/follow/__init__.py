"""What watches runs while they go on: progress, events, TensorBoard, time left, status."""
