"""Between Faust and the worker: partition slices in, durable offsets out."""
