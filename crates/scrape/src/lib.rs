//! Skopos scrape.
