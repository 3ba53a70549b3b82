//! Kernel modules: names, aliases and files → loaded modules, with their dependencies and parameters.
