//! The result as a value, and its text.
