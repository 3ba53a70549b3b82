//! Block devices: what there is, what is on it, and how it becomes the cache drive. Nothing here knows what the cache is for.
