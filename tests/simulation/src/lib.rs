//! All units together in one seeded simulation.
