"""Objects from and to files: in parts, in parallel, resumed and verified."""
