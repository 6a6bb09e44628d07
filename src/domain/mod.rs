//! What the worker decides, free of any input or output.
