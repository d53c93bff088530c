//! What a binary takes from its manifest, its flags and its environment.
