//! The small relational state beside the stores: alerts, silences, notification log, notifications, incidents.
