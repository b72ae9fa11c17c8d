//! The routing tree: inheritance, keys, text.
