//! Skopos dashboards.
