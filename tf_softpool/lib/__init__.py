"""Where the compiled library lies, with build.json, which says what it was built for."""
