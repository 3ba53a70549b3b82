//! Named volumes and their life.
