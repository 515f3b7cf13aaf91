//! The live tests: origins, windows, attribution, tokens, acknowledgement; a pure step.
